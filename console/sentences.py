"""The first line of each page: its answer, in a sentence. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from console.rendering import count_text, day_text, money_text, signed_text
from reconcile.days.figures import NO_MONEY, NO_TOTALS, DayFigures, changes_between
from reconcile.days.since import fixed_step
from reconcile.days.states import DayState, DayStatus
from vocabulary.plurals import plural

#: What a group of days needs, the most urgent first.
_TODAY = {
    "changed": "changed after it was prepared or signed",
    "ready": "is ready to be signed",
    "waiting": "waits for its feeds",
    "closable": "can be closed",
    "empty": "has no round",
    "running": "is not over",
    "signed": "is signed",
}


def today_sentence(days: Sequence[DayStatus], day: date) -> str:
    """How the day stands at all providers, the most urgent first."""
    if not days:
        return "No provider is configured: `tieout init` writes settings with examples."
    counts = Counter(_group(status) for status in days)
    group = next(name for name in _TODAY if counts[name])
    answer = f"{day_text(day)} {_TODAY[group]} {_share(days, counts[group])}"
    unexplained = unexplained_text(days)
    return f"{answer}. Unexplained: {unexplained}."


def nobody_owes_sentence(days: Sequence[DayStatus]) -> str:
    """What it means that no break is open: what no run has compared is not known."""
    unseen = [status.provider for status in days if status.is_over and status.closed is None]
    if not unseen:
        return "No break is open, so nobody owes anything."
    where = unseen[0] if len(unseen) == 1 else f"{len(unseen)} providers"
    return f"No break is open, but no run has closed the day at {where}."


def _share(days: Sequence[DayStatus], count: int) -> str:
    if len(days) == 1:
        return f"at {days[0].provider}"
    if count == len(days):
        return f"for all {count} providers"
    return f"for {count} of {len(days)} providers"


def unexplained_text(days: Iterable[DayStatus]) -> str:
    """What no break explains, by currency; what one side lacks hides nothing of the other."""
    sums: dict[str, list[int]] = {}
    exponents: dict[str, Mapping[str, int]] = {}
    for status in days:
        for currency in status.figures.currencies:
            minor = status.figures.unexplained(currency)
            sums.setdefault(currency, [0, 0])[minor < 0] += minor
            exponents[currency] = status.figures.exponents
    parts = [
        f"{money_text(minor, currency, exponents[currency])} {currency}"
        for currency, both in sorted(sums.items())
        for minor in ([part for part in both if part] or [0])
    ]
    return ", ".join(parts) or "nothing"


def day_sentence(status: DayStatus) -> str:
    """How one day of a provider stands, and what comes next."""
    figures, last = status.figures, status.last
    breaks = counted(figures.open_count, "open break")
    match status.state:
        case DayState.OPEN:
            return f"The day is not over in {status.zone}; so far it has {breaks}."
        case DayState.WAITING:
            return f"It waits: {'; '.join(status.missing) or 'records may still be late'}."
        case DayState.READY:
            return f"Everything was reported, with {breaks}. A run closes it next."
        case DayState.CLOSED:
            return f"It is closed with {breaks}. One person prepares it, another signs it."
        case DayState.PREPARED:
            person = last.by if last else "somebody"
            return f"{person} prepared it with {breaks}. Another person signs it."
        case DayState.SIGNED:
            person = last.by if last else "somebody"
            return f"{person} signed it, and nothing has changed since."
        case DayState.CHANGED:
            return "It changed since: " + "; ".join(since_lines(status)) + "."
        case DayState.REOPENED:
            person = last.by if last else "somebody"
            return (
                f"{person} reopened it: {last.reason if last else ''}. A run closes it again."
            )


def since_lines(status: DayStatus) -> list[str]:
    """What changed since the day was prepared or signed, by currency."""
    step = fixed_step(status)
    if step is None or step.figures == status.figures:
        return []
    figures = status.figures
    lines = [
        f"ours {signed_text(change.ours, change.currency, figures.exponents)}, theirs"
        f" {signed_text(change.theirs, change.currency, figures.exponents)} {change.currency},"
        f" open breaks {change.open_before} → {change.open_now}"
        for change in changes_between(step.figures, figures)
    ]
    return lines or ["no figure changed, but a break or a correction did"]


def changed_rows(status: DayStatus) -> list[dict[str, object]]:
    """What differs from the figures that were prepared or signed, one row for each figure."""
    step = fixed_step(status)
    if step is None:
        return []
    before, now = step.figures, status.figures
    rows: list[dict[str, object]] = []
    for currency in sorted({*before.currencies, *now.currencies}):
        for side in ("ours", "theirs"):
            then, after = (
                getattr(figures, side).get(currency, NO_TOTALS) for figures in (before, now)
            )
            rows += [
                {"what": f"{side} {name}", "currency": currency, "then": old, "now": new}
                for name in ("stake", "payout", "ggr")
                if (old := getattr(then, name)) != (new := getattr(after, name))
            ]
    return rows


def summed_at(days: Iterable[DayStatus]) -> datetime | None:
    """When the oldest sums of these days were added up; None: just now."""
    instants = (day.figures.summed_at for day in days)
    return min((instant for instant in instants if instant is not None), default=None)


def figure_rows(figures: DayFigures) -> list[dict[str, object]]:
    """The figures of a day, one row for each currency, in minor units."""
    return [
        {
            "currency": currency,
            "ours": figures.ours.get(currency, NO_TOTALS),
            "theirs": figures.theirs.get(currency, NO_TOTALS),
            "difference": figures.difference(currency),
            "money": figures.breaks.get(currency, NO_MONEY),
            "unexplained": figures.unexplained(currency),
        }
        for currency in figures.currencies
    ]


def counted(count: int, noun: str) -> str:
    """A count with its noun."""
    number = count_text(count) if count else "no"
    return f"{number} {plural(count, noun)}"


def _group(status: DayStatus) -> str:
    match status.state:
        case DayState.CHANGED:
            return "changed"
        case DayState.CLOSED | DayState.PREPARED:
            return "ready"
        case DayState.SIGNED:
            return "signed"
        case DayState.OPEN:
            return "running"
        case DayState.WAITING | DayState.READY | DayState.REOPENED:
            if not status.figures.currencies and not status.steps:
                return "empty"
            return "waiting" if status.state is DayState.WAITING else "closable"
