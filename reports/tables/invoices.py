"""Tables of checked invoices: the fees, the lines, and the rounds behind a difference."""

from reconcile.invoices.check import CheckedLine
from reconcile.invoices.render import ROUNDING, exact_text
from reports.grid import Amount, Column, Grid, GridRow, amount_columns
from reports.pack import CheckedInvoice, Pack


def invoice_grids(pack: Pack) -> tuple[Grid, ...]:
    """The three invoice tables; none without an invoice."""
    return (_fees(pack), _lines(pack), _rounds(pack)) if pack.invoices else ()


def _fees(pack: Pack) -> Grid:
    return Grid(
        name="Invoices",
        slug="invoices",
        sheet="Invoices",
        note="The claimed fee, and the fee by the agreed terms on our GGR. The difference is"
        " claimed less ours: the part by GGR results from different totals, the part by terms"
        f" is the rest. Rounded is {ROUNDING}.",
        empty="",
        columns=(
            *(Column("Invoice", 24, is_id=True), Column("Period", 24), Column("Currency", 10)),
            *amount_columns(("Fee claimed", "Fee ours")),
            *amount_columns(("Difference", "By GGR", "By terms"), signed=True),
            *(
                Column("GGR, converted", 18, number=True),
                Column("Share of it", 18, number=True),
            ),
            *(*amount_columns(("Fixed",)), Column("Minimum applied", 16), Column("Ties", 8)),
        ),
        rows=[_fee(invoice) for invoice in pack.invoices],
    )


def _fee(invoice: CheckedInvoice) -> GridRow:
    check = invoice.check
    code = check.invoice.currency
    digits = check.digits
    figures = (check.invoice.fee, check.ours.total, check.difference)
    return (
        *(check.invoice.name, invoice.period, code),
        *(Amount(m, code, digits) for m in (*figures, check.by_ggr, check.by_terms)),
        *(exact_text(check.ours.converted), exact_text(check.ours.shared)),
        *(Amount(check.ours.fixed, code, digits), "yes" if check.ours.minimum else "no"),
        "yes" if check.ties else "NO",
    )


def _lines(pack: Pack) -> Grid:
    return Grid(
        name="Invoice lines",
        slug="invoice-lines",
        sheet="Invoice lines",
        note="The difference is claimed less ours. Explained: the provider's own history"
        " differs from our books. Unexplained: the claim exceeds that history. Excluded: our"
        " GGR that the terms leave out.",
        empty="No line was claimed and nothing was played.",
        columns=(
            *(Column("Invoice", 24, is_id=True), Column("Game", 22), Column("Currency", 10)),
            *amount_columns(("GGR claimed", "GGR ours")),
            *amount_columns(("Difference", "Explained", "Unexplained"), signed=True),
            *amount_columns(("GGR, their history", "Excluded")),
        ),
        rows=[
            (invoice.check.invoice.name, *_line(line))
            for invoice in pack.invoices
            for line in sorted(invoice.check.checked, key=_largest)
        ],
    )


def _largest(line: CheckedLine) -> tuple[object, ...]:
    return line.currency, -abs(line.difference), -abs(line.claimed), line.game or ""


def _line(line: CheckedLine) -> GridRow:
    figures = (line.claimed, line.ours, line.difference, line.explained, line.unexplained)
    sums = (*figures, line.theirs, line.excluded)
    game = "all" if line.game is None else line.game
    return game, line.currency, *(Amount(minor, line.currency) for minor in sums)


def _rounds(pack: Pack) -> Grid:
    return Grid(
        name="Invoice rounds",
        slug="invoice-rounds",
        sheet="Invoice rounds",
        note="The rounds behind invoice lines that differ: rounds that the provider's history"
        " reports differently from our books, and by how much GGR.",
        empty="No round explains a difference.",
        columns=(
            *(Column("Invoice", 24, is_id=True), Column("Day", 12), Column("Game", 22)),
            *(
                Column("Currency", 10),
                Column("Cause", 22, is_code_name=True),
                *amount_columns(("GGR",), signed=True),
            ),
            *(Column("Round", 26, is_id=True), Column("Player", 18, is_id=True)),
            Column("Break", 26, is_id=True, links=True),
        ),
        rows=[
            (
                *(invoice.check.invoice.name, line.cell.day, line.cell.game),
                *(line.cell.currency, line.cause, Amount(line.ggr, line.cell.currency)),
                *(line.round_id, line.player, line.break_id or ""),
            )
            for invoice in pack.invoices
            for checked in invoice.check.checked
            if checked.difference
            for line in sorted(
                checked.lines, key=lambda line: (-abs(line.ggr), line.cell, line.round_id)
            )
        ],
    )
