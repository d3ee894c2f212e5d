"""Check an invoice against our books: what we compute, what is claimed, where they differ.

For each claimed line, ``claimed - ours = explained + unexplained``. Explained is what the
provider's own history has otherwise than our books, round by round; unexplained is what it
claims beyond its own history. For the fee, ``claimed - ours = by_ggr + by_terms``: what follows
from another GGR, and what follows from other terms than were agreed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconcile.invoices.claims import Claim, Invoice
from reconcile.invoices.terms import Fee, FeeTerms, fee_of
from reconcile.totals.cells import TotalsCell
from reconcile.totals.differences import DifferenceLine
from reconcile.totals.sums import NonCashOperation
from reconcile.totals.tie_out import Totals, TotalsRow
from vocabulary.errors import Refused

#: The game of a line (None for all) and its currency.
Subject = tuple[str | None, str]


class WrongInvoiceCurrency(Refused):
    """The invoice has another currency than the terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLine:
    """One line of an invoice, in minor units of its currency.

    Attributes:
        ours: our GGR without what the terms exclude.
        theirs: GGR by the provider's own history, without the same.
        excluded: our GGR that the terms exclude.
        causes: the difference of the two histories, by cause.
        residual: the difference that no round explains; zero unless something is wrong.
    """

    game: str | None
    currency: str
    claimed: int
    ours: int
    theirs: int
    excluded: int
    causes: Mapping[str, int]
    residual: int
    lines: tuple[DifferenceLine, ...]

    @property
    def difference(self) -> int:
        """Claimed less ours."""
        return self.claimed - self.ours

    @property
    def unexplained(self) -> int:
        """What is claimed beyond what any round explains."""
        return self.difference - self.explained

    @property
    def explained(self) -> int:
        """The difference that comes from rounds on which the two sides differ."""
        return sum(self.causes.values()) if self.difference else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCheck:
    """A checked invoice. Fees in minor units of the invoice's currency.

    Attributes:
        digits: of that currency after its point, by the standard where it has some: a
            provider's overrides apply to its history only.
        ours: the fee on our GGR.
        on_claims: the fee on the claimed GGR.
        unposted: accepted batches whose rounds are in no figure of ours yet.
    """

    invoice: Invoice
    digits: int
    checked: tuple[CheckedLine, ...]
    ours: Fee
    on_claims: Fee
    unposted: int

    @property
    def difference(self) -> int:
        """Claimed less ours."""
        return self.invoice.fee - self.ours.total

    @property
    def by_ggr(self) -> int:
        """The part of the difference that follows from another GGR."""
        return self.on_claims.total - self.ours.total

    @property
    def by_terms(self) -> int:
        """The part of the difference that follows from other terms."""
        return self.invoice.fee - self.on_claims.total

    @property
    def ties(self) -> bool:
        """Whether all lines and the fee are what we compute, of books that are posted."""
        is_equal = self.difference == 0 and all(line.difference == 0 for line in self.checked)
        return is_equal and not self.unposted


def check_invoice(
    invoice: Invoice, totals: Totals, terms: FeeTerms, exponents: Mapping[str, int]
) -> InvoiceCheck:
    """Check an invoice against the totals of its period.

    Raises:
        WrongInvoiceCurrency: its currency is not the terms'.
        TermsIncomplete: a currency has no rate.
    """
    if invoice.currency != terms.currency:
        raise WrongInvoiceCurrency(
            f"the invoice is in {invoice.currency}, the terms are in {terms.currency}"
        )
    checked = tuple(
        _check_line(subject, claimed, totals, terms)
        for subject, claimed in _subjects(invoice.claims, totals, terms).items()
    )
    return InvoiceCheck(
        invoice=invoice,
        digits=terms.digits,
        checked=checked,
        ours=fee_of(terms, _by_currency(checked, "ours"), exponents),
        on_claims=fee_of(terms, _by_currency(checked, "claimed"), exponents),
        unposted=totals.unposted,
    )


def fee_due(totals: Totals, terms: FeeTerms, exponents: Mapping[str, int]) -> Fee:
    """The fee of a period by our books, before any invoice claims it.

    Raises:
        TermsIncomplete: a currency has no rate.
    """
    unclaimed = Invoice(name="", currency=terms.currency, claims=(), fee=0)
    return check_invoice(unclaimed, totals, terms, exponents).ours


def _subjects(claims: Iterable[Claim], totals: Totals, terms: FeeTerms) -> dict[Subject, int]:
    """Return what is claimed, and 0 for what was played and is not claimed."""
    claimed = {(claim.game, claim.currency): claim.ggr for claim in claims}
    claimed_as_a_whole = {claim.currency for claim in claims if claim.game is None}
    played = {
        (cell.game, cell.currency)
        for cell in totals.cells
        if cell.currency not in claimed_as_a_whole and cell.game not in terms.exclude_games
    }
    return {**claimed, **dict.fromkeys(sorted(played - set(claimed)), 0)}


def _check_line(subject: Subject, claimed: int, totals: Totals, terms: FeeTerms) -> CheckedLine:
    game, currency = subject
    rows = [row for cell, row in totals.cells.items() if _counts(cell, subject, terms)]
    excluded = sum(
        operation.stake - operation.payout
        for operation in totals.non_cash
        if _counts(operation.cell, subject, terms) and _is_excluded(operation, terms)
    )
    return CheckedLine(
        game=game,
        currency=currency,
        claimed=claimed,
        ours=sum(row.ours.ggr for row in rows) - excluded,
        theirs=sum(row.theirs.ggr for row in rows) - excluded,
        excluded=excluded,
        causes=_causes(rows),
        residual=sum(row.residual for row in rows),
        lines=tuple(line for line in totals.lines if _counts(line.cell, subject, terms)),
    )


def _counts(cell: TotalsCell, subject: Subject, terms: FeeTerms) -> bool:
    game, currency = subject
    if cell.currency != currency or cell.game in terms.exclude_games:
        return False
    return game is None or cell.game == game


def _is_excluded(operation: NonCashOperation, terms: FeeTerms) -> bool:
    return not operation.adjusts and operation.fund in terms.exclude_funds


def _causes(rows: Iterable[TotalsRow]) -> dict[str, int]:
    causes: Counter[str] = Counter()
    for row in rows:
        causes.update(row.causes)
    return {cause: causes[cause] for cause in sorted(causes) if causes[cause]}


def _by_currency(checked: Iterable[CheckedLine], figure: str) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for line in checked:
        sums[line.currency] += getattr(line, figure)
    return {code: sums[code] for code in sorted(sums)}
