"""Tables of people's work: ageing of breaks, corrections, what was said, and the accounts."""

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from breaks.policy import AGES, age_bucket
from reports.grid import (
    SUMMARY,
    Amount,
    Column,
    Grid,
    GridRow,
    Instant,
    amount_columns,
    linked,
    owed_column,
)
from reports.pack import Pack
from reports.queries import OpenBreak
from reports.statement.bridge import Bridge
from reports.statement.statement import CorrectionLine
from reports.tables.breaks import no_breaks

AGEING = "ageing"


def ageing_grid(pack: Pack) -> Grid:
    """Unsettled breaks by age, every band of each currency."""
    unsettled = [break_ for break_ in pack.breaks if break_.is_unsettled]
    return Grid(
        name="Ageing",
        slug=AGEING,
        sheet=SUMMARY,
        note="Breaks that nobody settled, by the time since they were found (or found again) in"
        " whole bands; those that wait for the provider are included.",
        empty=no_breaks(pack),
        columns=(
            *(Column("Age", 16), Column("Currency", 10), Column("Breaks", 10, number=True)),
            *amount_columns(("Plus", "Minus", "Net"), signed=True),
            Column("Overdue", 10, number=True),
        ),
        rows=[
            _age_row(pack, band, code, unsettled)
            for code in sorted({break_.currency for break_ in unsettled})
            for band in AGES
        ],
    )


def _age_row(pack: Pack, band: str, code: str, unsettled: list[OpenBreak]) -> GridRow:
    breaks = [
        break_
        for break_ in unsettled
        if break_.currency == code and age_bucket(pack.generated_at - break_.opened_at) == band
    ]
    plus = sum(max(break_.difference, 0) for break_ in breaks)
    minus = sum(min(break_.difference, 0) for break_ in breaks)
    return (
        *(band, code, linked(len(breaks), breaks[0].break_id if breaks else "")),
        *(Amount(minor, code) for minor in (plus, minus, plus + minus)),
        sum(pack.is_overdue(break_) for break_ in breaks),
    )


def corrections_grid(pack: Pack) -> Grid:
    """Corrections and write-offs with who proposed them, why, and who approved."""
    corrections = pack.statement.corrections if pack.statement else ()
    return Grid(
        name="Corrections",
        slug="corrections",
        sheet="Corrections",
        note="Corrections and write-offs of rounds of this window, and those decided in it."
        " Plus: to the player.",
        empty="Nothing was corrected or written off.",
        columns=(
            *(Column("What", 12), Column("Day", 12)),
            *(owed_column("Amount"), Column("Currency", 10)),
            *(Column("Round", 24, is_id=True), Column("State", 12)),
            *(Column("Why", 40), Column("Proposed by", 18), Column("Approved by", 18)),
            Column("Approved at (UTC)", 25),
            Column("Break", 26, is_id=True, links=True, on_paper=False),
            Column("Id", 40, is_id=True, on_paper=False, on_page=False),
        ),
        rows=[_correction(pack, correction) for correction in corrections],
    )


def _correction(pack: Pack, correction: CorrectionLine) -> GridRow:
    decided_at = correction.decided_at
    return (
        *(correction.kind, _business_day(pack, correction)),
        *(Amount(correction.amount, correction.currency), correction.currency),
        *(correction.round_id, correction.state, correction.reason, correction.proposed_by),
        correction.decided_by or "NOT APPROVED",
        "" if decided_at is None else Instant(decided_at),
        *(correction.break_id, correction.id),
    )


def _business_day(pack: Pack, correction: CorrectionLine) -> date | str:
    if correction.began_at is None:
        return "not known"
    return correction.began_at.astimezone(ZoneInfo(pack.zone)).date()


def words_grid(pack: Pack) -> Grid:
    """Comments, and the reasons of explanations and closes."""
    return Grid(
        name="Comments and reasons",
        slug="comments",
        sheet="Comments",
        note="What people wrote about breaks that were open in this period: comments, and the"
        " reason of whoever explained, closed or reopened one.",
        empty="No comment and no reason was written.",
        columns=(
            *(Column("At (UTC)", 25), Column("By", 16), Column("What", 14)),
            *(Column("Words", 60), Column("Kind", 22, is_code_name=True)),
            *(owed_column("Difference"), Column("Currency", 10)),
            Column("Break", 26, is_id=True, links=True),
        ),
        rows=[
            (
                *(Instant(line.written_at), line.author, line.occasion, line.text, line.kind),
                *(Amount(line.difference, line.currency), line.currency, line.break_id),
            )
            for line in (pack.statement.words if pack.statement else ())
        ],
    )


def bridge_grid(pack: Pack) -> Grid:
    """GGR as the statement counts it, and where the ledger holds it."""
    return Grid(
        name="GGR in the ledger",
        slug="ledger-bridge",
        sheet="Ledger",
        note="From our GGR (stake less payout of the rounds that began in this window) to the"
        " movement of account ggr, as the books show it by time of posting. Left over is zero"
        " unless a round is not posted.",
        empty=pack.empty_text,
        columns=(
            *(Column("Line", 54), Column("Account", 20), Column("Currency", 10)),
            *amount_columns(("Amount",), signed=True),
        ),
        rows=[
            (*labels, bridge.currency, Amount(minor, bridge.currency))
            for bridge in (pack.statement.bridges if pack.statement else ())
            for *labels, minor in _bridge_lines(bridge)
        ],
    )


_ACCOUNT_WORDS = {
    "provider_clearing": "less: in rounds that have not ended",
    "difference": "less: tolerances and write-offs",
    "suspense": "less: account not known yet",
}


def _bridge_lines(bridge: Bridge) -> Iterator[tuple[str, str, int]]:
    yield "our GGR in this report", "", bridge.reported
    for account, minor in bridge.accounts.items():
        words = _ACCOUNT_WORDS.get(account, "less: paid by a fund")
        yield words, account, -minor
    yield "left over: in no account", "", -bridge.left_over
    yield "booked for these rounds", "ggr", bridge.booked
    yield "less: posted before or after this window", "ggr", -bridge.outside
    yield "plus: posted in this window for other rounds", "ggr", bridge.other_rounds
    yield "movement of the account in this window", "ggr", bridge.movement
