"""What changed since a day was prepared or signed, in words. Pure."""

from reconcile.days.figures import DayFigures, changes_between
from reconcile.days.states import DayAction, DayStatus, DayStep, last_signed


def since_lines(day: DayStatus) -> list[str]:
    """What changed since the day was prepared or signed, each line with provider and day."""
    return [f"{day.provider} {day.day} {change}" for change in since_texts(day)]


def since_texts(day: DayStatus) -> list[str]:
    """What changed since the day was prepared or signed, in words."""
    step = fixed_step(day)
    if step is None or step.figures == day.figures:
        return []
    since = "sign-off" if step is last_signed(day.steps) else "it was prepared"
    start = f"since {since} by {step.by}:"
    figures = day.figures
    changes = [
        f"{start} ours {signed_text(figures, one.currency, one.ours)}, theirs"
        f" {signed_text(figures, one.currency, one.theirs)} {one.currency}; open breaks"
        f" {one.open_before} → {one.open_now}"
        for one in changes_between(step.figures, figures)
    ]
    return changes or [f"{start} no figure changed, but a break or a correction did"]


def fixed_step(day: DayStatus) -> DayStep | None:
    """The step whose figures a change is compared with: the sign-off, or the last one."""
    signed, last = last_signed(day.steps), day.last
    prepared = last if last is not None and last.action is DayAction.PREPARE else None
    return signed or prepared


def signed_text(figures: DayFigures, currency: str, minor: int) -> str:
    """An amount as decimal text that has a plus sign if it is positive."""
    text = figures.text(currency, minor)
    return f"+{text}" if minor > 0 else text
