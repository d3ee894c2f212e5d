"""Tables of disputes: claimable money by answer and age, and the disputes that hold it."""

from collections.abc import Iterator

from breaks.disputes.claims import claims_of
from breaks.disputes.model import Dispute
from reports.grid import Amount, Column, Grid, GridRow, Instant, amount_columns
from reports.pack import Pack

CLAIMS = "claims"
DISPUTES = "disputes"


def claims_grid(pack: Pack) -> Grid:
    """Money that is put before the provider and still between the two sides."""
    return Grid(
        name="Claimable money",
        slug=CLAIMS,
        sheet="Claims",
        note="GGR of disputed breaks that runs still find, of whatever day, by what the"
        " provider answered and how long ago. In our favour: the provider counts more than our"
        " books justify. Its worth on an invoice is the share that the terms charge.",
        empty="No money is disputed.",
        columns=(
            *(Column("Answer", 16, is_code_name=True), Column("Age", 16)),
            *(Column("Currency", 10), Column("Lines", 10, number=True)),
            *amount_columns(("In our favour", "In their favour")),
            *amount_columns(("Net",), signed=True),
        ),
        rows=[
            (
                *(str(claim.state), claim.age, claim.currency, claim.lines),
                Amount(claim.in_our_favour, claim.currency),
                Amount(claim.in_their_favour, claim.currency),
                Amount(claim.net, claim.currency),
            )
            for claim in claims_of(pack.disputes, pack.generated_at)
        ],
    )


def disputes_grid(pack: Pack) -> Grid:
    """The disputes that hold the claimable money."""
    return Grid(
        name="Disputes",
        slug=DISPUTES,
        sheet="Disputes",
        note="Disputes with claimable money, the oldest first. A due date is that of the last"
        " pack; without a pack nothing was sent yet.",
        empty="No dispute holds claimable money.",
        columns=(
            *(Column("Dispute", 26, is_id=True), Column("State", 12)),
            *(Column("Opened (UTC)", 25), Column("Opened by", 18)),
            *(Column("Pack", 8, number=True), Column("Due (UTC)", 25), Column("Overdue", 10)),
            *(Column("Currency", 10), Column("Lines", 10, number=True)),
            *amount_columns(("Claimable",), signed=True),
        ),
        rows=[row for dispute in pack.disputes for row in _rows(pack, dispute)],
    )


def _rows(pack: Pack, dispute: Dispute) -> Iterator[GridRow]:
    """A row for each currency of a dispute."""
    due = dispute.due_at
    for code in sorted({line.currency for line in dispute.lines}):
        differences = [line.difference for line in dispute.lines if line.currency == code]
        yield (
            *(dispute.dispute_id, str(dispute.state)),
            *(Instant(dispute.opened_at), dispute.opened_by),
            dispute.exports[-1].number if dispute.exports else "not sent",
            "" if due is None else Instant(due),
            "OVERDUE" if dispute.is_overdue(pack.generated_at) else "",
            *(code, len(differences), Amount(sum(differences), code)),
        )
