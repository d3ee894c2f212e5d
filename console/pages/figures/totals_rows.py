"""Rows of totals as the page shows them: texts, and where the figures lead. Pure.

A page may have hundreds of rows of a dozen figures each, so its template has little to do: the
cells are put together here. Addresses and names are escaped; figures hold nothing to escape.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup, escape

from console.rendering import count_text, minus_text, money_text, signed_text
from reconcile.totals.cells import Figures
from reports.grouped_totals import ConvertedGgr, TotalsGroup, hold_text

#: The first cell of a row: its column, and the address and the name of what is closer.
_HEAD = '<th scope="row" data-label="%s"><a href="%s">%s</a></th>'
#: Names the two lines of the figures of both sides.
_SIDES = (
    '<td class="pair side" data-label="sides" aria-hidden="true">'
    "<span>ours</span><span>theirs</span></td>"
)


class ReportingCurrency(NamedTuple):
    """What figures are also shown in; ``digits`` after its point."""

    code: str
    digits: int

    @property
    def exponents(self) -> Mapping[str, int]:
        """Its decimal places by its code, as amounts are written with them."""
        return {self.code: self.digits}


class FigurePair(NamedTuple):
    """One figure of both sides; ``link`` leads to what it is made of, if it is not empty."""

    label: str
    ours: str
    theirs: str
    link: str = ""

    @property
    def html(self) -> str:
        """The cell of the table."""
        differs = "" if self.ours == self.theirs else ' class="differs"'
        sides = (
            f'<span><span class="hidden">ours </span>{self.ours}</span>'
            f'<span{differs}><span class="hidden">theirs </span>{self.theirs}</span>'
        )
        content = f'<a href="{escape(self.link)}">{sides}</a>' if self.link else sides
        return f'<td class="number pair" data-label="{self.label}">{content}</td>'


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A group with its texts.

    Attributes:
        converted: the cell of GGR in the reporting currency; empty: there is none.
        in_breaks_link: empty: no break is behind the row.
        open_breaks: their count; empty: none is open.
    """

    group: TotalsGroup
    closer: str
    pairs: tuple[FigurePair, ...]
    converted: str
    difference: str
    in_breaks: str
    in_breaks_link: str
    open_breaks: str
    unexplained: str

    def names(self, columns: Sequence[str]) -> Markup:
        """The cells that name the row: the columns that it is grouped by, then its currency."""
        code = escape(self.group.currency)
        if not columns:
            return Markup(_HEAD % ("currency", escape(self.closer), code))  # noqa: S704 - escaped
        first, *others = self.group.name
        cells = [_HEAD % (columns[0], escape(self.closer), escape(first or "none"))]
        for column, name in zip(columns[1:], others, strict=True):
            cells.append(f'<td data-label="{column}">{escape(name)}</td>')
        cells.append(f'<td data-label="currency">{code}</td>')
        return Markup("\n".join(cells))  # noqa: S704 - escaped

    @property
    def figures(self) -> Markup:
        """The cells of both sides, in the reporting currency, and of what explains them."""
        in_breaks = self.in_breaks
        if self.in_breaks_link:
            in_breaks = f'<a href="{escape(self.in_breaks_link)}">{in_breaks}</a>'
        if self.open_breaks:
            in_breaks += f' <span class="gross">{self.open_breaks} open</span>'
        danger = " danger" if self.group.unexplained else ""
        cells = [
            _SIDES,
            *[pair.html for pair in self.pairs],
            self.converted,
            f'<td class="number" data-label="difference">{self.difference}</td>',
            f'<td class="number" data-label="in breaks">{in_breaks}</td>',
            f'<td class="number{danger}" data-label="unexplained">{self.unexplained}</td>',
        ]
        return Markup("\n".join(filter(None, cells)))  # noqa: S704 - see above


def row_of(
    group: TotalsGroup, links: Mapping[str, str], reporting: ReportingCurrency | None
) -> ShownRow:
    """The texts of a group.

    Args:
        group: what the row adds up.
        links: the addresses ``closer``, ``sides`` and ``breaks``; sums have none.
        reporting: what GGR is also shown in; None: nothing is converted.
    """
    code, digits = group.currency, {group.currency: group.digits}
    ours, theirs = group.ours, group.theirs

    def amounts(label: str, own: int, their: int, link: str = "") -> FigurePair:
        text = money_text(own, code, digits)
        return FigurePair(
            label, text, text if own == their else money_text(their, code, digits), link
        )

    has_breaks = group.in_breaks or group.open_breaks
    return ShownRow(
        group=group,
        closer=links.get("closer", ""),
        pairs=(
            FigurePair("rounds", count_text(ours.rounds), count_text(theirs.rounds)),
            amounts("stake", ours.stake, theirs.stake),
            amounts("payout", ours.payout, theirs.payout),
            amounts("GGR", ours.ggr, theirs.ggr, links.get("sides", "")),
            FigurePair("hold %", _percent(ours), _percent(theirs)),
        ),
        converted="" if reporting is None else _converted_cell(group.converted, reporting),
        difference=signed_text(group.difference, code, digits),
        in_breaks=signed_text(group.in_breaks, code, digits),
        in_breaks_link=links.get("breaks", "") if has_breaks else "",
        open_breaks=count_text(group.open_breaks) if group.open_breaks else "",
        unexplained=signed_text(group.unexplained, code, digits),
    )


def _converted_cell(converted: ConvertedGgr | None, reporting: ReportingCurrency) -> str:
    code, digits = reporting.code, reporting.exponents
    label = f"in {escape(code)}"
    if converted is None or converted.is_unknown:
        why = "games are not converted" if converted is None else "no rate is known"
        dash = f'<span title="{why}">\N{EN DASH}</span>'
        return f'<td class="number" data-label="{label}">{dash}</td>'
    ours, theirs = (
        money_text(minor, code, digits) for minor in (converted.ours, converted.theirs)
    )
    if not converted.missing:
        return FigurePair(label, ours, theirs).html
    return (
        f'<td class="number pair" data-label="{label}">'
        f'<span title="only the days with a rate">{ours} *</span><span>{theirs} *</span></td>'
    )


def _percent(side: Figures) -> str:
    text = hold_text(side)
    return "\N{EN DASH}" if text is None else minus_text(text)
