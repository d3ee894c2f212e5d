"""The result in words: how far both sides differ, what explains it, and what to know first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from reconcile.days.states import DayState
from reconcile.totals.differences import ELSEWHERE, NO_BREAKS, TIMING
from reconcile.totals.render import unposted_text
from reconcile.totals.tie_out import TotalsRow
from reports.coverage import unfinished
from reports.pack import Pack
from vocabulary.plurals import plural

#: Causes of a difference that are no breaks, in words.
OTHER_CAUSES = {TIMING: "timing", ELSEWHERE: "another period or game"}
REST = "rounds that were grouped, tolerated or rolled back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a comparison in one currency, as exact amounts.

    Attributes:
        subject: whose GGR it is, beside ours.
        ours, difference: our GGR, and theirs less ours.
        parts: what the difference consists of: words and amounts, breaks first.
        residual: what no part explains.
    """

    subject: str
    currency: str
    ours: Decimal
    difference: Decimal
    parts: tuple[tuple[str, Decimal], ...]
    residual: Decimal

    def sentence(self) -> str:
        """The result in one sentence."""
        unexplained = f"unexplained {self._text(self.residual)}"
        start = f"GGR of {self.subject} differs from ours by"
        amount = self._text(self.difference, signed=True)
        if not self.parts and not self.difference:
            ours = self._text(self.ours)
            return f"GGR of {self.subject} agrees with ours: {ours}; {unexplained}."
        if len(self.parts) == 1 and self.difference and not self.residual:
            return f"{start} {amount}; all of it in {self.parts[0][0]}; {unexplained}."
        parts = ", ".join(
            f"{self._text(part, signed=True)} in {words}" for words, part in self.parts
        )
        return f"{start} {amount}{f': {parts}' if parts else ''}; {unexplained}."

    def _text(self, amount: Decimal, *, signed: bool = False) -> str:
        """An amount with its currency; a minus is a minus sign, not a hyphen."""
        text = f"{abs(amount):,f} {self.currency}"
        if amount < 0:
            return f"\N{MINUS SIGN}{text}"
        return f"+{text}" if signed and amount else text


def sentences(pack: Pack) -> tuple[str, ...]:
    """One sentence for each currency; or that nobody compared the window."""
    results = results_of(pack)
    return tuple(result.sentence() for result in results) or (pack.empty_text,)


def results_of(pack: Pack) -> tuple[Result, ...]:
    """The result of each currency; none if nobody compared the window."""
    rows = pack.tie_out.by() if pack.tie_out else ()
    return tuple(_result(pack, row) for row in rows)


def _result(pack: Pack, row: TotalsRow) -> Result:
    def exact(minor: int) -> Decimal:
        return pack.amount(minor, row.currency)

    return Result(
        subject=pack.provider,
        currency=row.currency,
        ours=exact(row.ours.ggr),
        difference=exact(row.difference.ggr),
        parts=tuple((words, exact(minor)) for words, minor in _parts(pack, row)),
        residual=exact(row.residual),
    )


def breaks_text(count: int) -> str:
    """A number of breaks in words."""
    return f"{count:,} {plural(count, 'break')}"


def _parts(pack: Pack, row: TotalsRow) -> Iterator[tuple[str, int]]:
    count = break_count(pack, row.currency)
    if count:
        yield breaks_text(count), row.breaks
    for cause, words in OTHER_CAUSES.items():
        if minor := row.causes.get(cause, 0):
            yield words, minor
    rest = NO_BREAKS - set(OTHER_CAUSES)
    if minor := sum(row.causes.get(cause, 0) for cause in rest):
        yield REST, minor


def break_count(pack: Pack, currency: str) -> int:
    """How many breaks cause the difference of a currency."""
    lines = pack.tie_out.lines if pack.tie_out else ()
    return len(
        {line.break_id for line in lines if line.break_id and line.cell.currency == currency}
    )


def warnings(pack: Pack) -> tuple[str, ...]:
    """What a person has to know before signing."""
    return tuple(_warnings(pack))


def _warnings(pack: Pack) -> Iterator[str]:
    if pack.window is None:
        yield "No run is stored: nothing was compared, and nothing can be signed."
    for gap in pack.gaps:
        yield (
            f"No run compared {_local(gap.start, pack.zone)} to {_local(gap.end, pack.zone)}"
            f" ({pack.zone}): reconcile it before anybody signs."
        )
    if pack.tie_out is None or pack.window is None:
        return
    for part in unfinished(pack.window, pack.comparisons):
        yield (
            f"{_local(part.start, pack.zone)} to {_local(part.end, pack.zone)} ({pack.zone})"
            " was compared only before it was over: reconcile it again before anybody signs."
        )
    if pack.tie_out.unposted:
        yield f"{unposted_text(pack.tie_out.unposted)}, and in no figure."
    if not pack.tie_out.ties:
        yield "The totals do not tie: a difference is left that no round explains."
    changed = [day for day in _days(pack) if day[1] is DayState.CHANGED]
    if changed:
        names = ", ".join(name for name, _ in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        yield f"Changed since it was prepared or signed: {names}{more}."


def _days(pack: Pack) -> Iterator[tuple[str, DayState]]:
    for day in pack.statement.days if pack.statement else ():
        yield str(day.day), day.state


def _local(instant: datetime, zone: str) -> str:
    return f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
