"""Invoices that were checked: the fee, the lines, and the rounds behind a difference."""

from reconcile.invoices.check import CheckedLine
from reconcile.invoices.render import ROUNDING, exact_text
from reports.grid import Amount, Column, Grid, GridRow, amount_columns
from reports.report import CheckedInvoice, Pack
from vocabulary.money import exponent_of


def invoice_grids(pack: Pack) -> tuple[Grid, ...]:
    """Three tables about the invoices that were given; none without any."""
    return (_fees(pack), _lines(pack), _rounds(pack)) if pack.invoices else ()


def _fees(pack: Pack) -> Grid:
    return Grid(
        name="Invoices",
        slug="invoices",
        sheet="Invoices",
        note="The fee that is claimed and the fee by the agreed terms on our GGR. Of the"
        " difference, claimed less ours, by GGR is what follows from other totals, by terms the"
        f" rest. Rounded is {ROUNDING}.",
        empty="",
        columns=(
            *(Column("Invoice", 24, code=True), Column("Period", 24), Column("Currency", 10)),
            *amount_columns(("Fee claimed", "Fee ours")),
            *amount_columns(("Difference", "By GGR", "By terms"), signed=True),
            *(
                Column("GGR, converted", 18, number=True),
                Column("Share of it", 18, number=True),
            ),
            *(*amount_columns(("Fixed",)), Column("Minimum applied", 16), Column("Ties", 8)),
        ),
        rows=[_fee(each) for each in pack.invoices],
    )


def _fee(each: CheckedInvoice) -> GridRow:
    check = each.check
    code = check.invoice.currency
    digits = exponent_of(code)  # of the terms: a provider's own digits are those of its history
    figures = (check.invoice.fee, check.ours.total, check.difference)
    return (
        *(check.invoice.name, each.period, code),
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
        note="Claimed less ours is explained, where the provider's own history says otherwise"
        " than our books, or unexplained, where it claims beyond that history. Excluded is our"
        " GGR that the terms leave out.",
        empty="No line was claimed and nothing was played.",
        columns=(
            *(Column("Invoice", 24, code=True), Column("Game", 22), Column("Currency", 10)),
            *amount_columns(("GGR claimed", "GGR ours")),
            *amount_columns(("Difference", "Explained", "Unexplained"), signed=True),
            *amount_columns(("GGR, their history", "Excluded")),
        ),
        rows=[
            (each.check.invoice.name, *_line(line))
            for each in pack.invoices
            for line in sorted(each.check.checked, key=_largest)
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
        note="Of lines that do not agree: the rounds that the provider's history tells"
        " otherwise than our books, and by how much of GGR.",
        empty="No round explains a difference.",
        columns=(
            *(Column("Invoice", 24, code=True), Column("Day", 12), Column("Game", 22)),
            *(
                Column("Currency", 10),
                Column("Cause", 22, named=True),
                *amount_columns(("GGR",), signed=True),
            ),
            *(Column("Round", 26, code=True), Column("Player", 18, code=True)),
            Column("Break", 26, code=True, links=True),
        ),
        rows=[
            (
                *(each.check.invoice.name, str(line.cell.day), line.cell.game),
                *(line.cell.currency, line.cause, Amount(line.ggr, line.cell.currency)),
                *(line.round_id, line.player, line.break_id or ""),
            )
            for each in pack.invoices
            for checked in each.check.checked
            if checked.difference
            for line in sorted(
                checked.lines, key=lambda line: (-abs(line.ggr), line.cell, line.round_id)
            )
        ],
    )
