"""The first line of each page of figures. Pure."""

from collections.abc import Sequence

from console.pages.figures.span import Coverage, DaySpan
from console.rendering import signed_text
from console.sentences import counted
from reports.grouped_totals import TotalsGroup

#: Currencies that a sentence names; the table has all.
CURRENCIES_MAX = 3


def totals_sentence(
    span: DaySpan, sums: Sequence[TotalsGroup], coverage: Sequence[Coverage]
) -> str:
    """How far both sides agree, by currency; or that nobody knows."""
    if not coverage:
        return "No provider is configured: `tieout init` writes settings with examples."
    if not sums:
        return _nothing(span, coverage)
    parts = [_currency(group) for group in sums[:CURRENCIES_MAX]]
    more = len(sums) - CURRENCIES_MAX
    rest = [counted(more, "more currency")] if more > 0 else []
    return f"{span.words}: theirs less ours in GGR is {'; '.join([*parts, *rest])}."


def _nothing(span: DaySpan, coverage: Sequence[Coverage]) -> str:
    missing = [part.term.slug for part in coverage if part.gaps]
    if missing:
        names = "" if len(missing) == len(coverage) > 1 else f" at {', '.join(missing)}"
        return (
            f"Nobody compared {span.words}{names}, and neither side has a round, so nothing"
            " can be said about it."
        )
    return f"Neither side has a round on {span.words}, and runs compared all of it."


def _currency(group: TotalsGroup) -> str:
    code, exponents = group.currency, {group.currency: group.digits}
    if not group.difference and not group.in_breaks:
        return f"{signed_text(0, code, exponents)} {code}"  # nothing to take apart
    in_breaks = signed_text(group.in_breaks, code, exponents)
    unexplained = signed_text(group.unexplained, code, exponents)
    return (
        f"{signed_text(group.difference, code, exponents)} {code}, {in_breaks} of it in breaks,"
        f" {unexplained} unexplained"
    )
