"""The close checklist of a day: each condition with its state, and what to do. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from console.rendering import local_text, minus_text, money_text
from console.sentences import counted
from reconcile.days.states import DayAction, DayState, DayStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a signed day.

    Attributes:
        name: what has to hold.
        state: ``done``, ``todo``, ``waiting`` (nobody has to act) or ``later``.
        text: how it stands, and what to do.
        path, link: where to do it; empty: nowhere else.
    """

    name: str
    state: str
    text: str
    path: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The newest run over exactly the day."""

    run_id: str
    finished_at: datetime


def conditions(status: DayStatus, run: LastRun | None) -> list[Condition]:
    """Everything that a signed day rests on, in order."""
    return [
        _over(status),
        *_reported(status),
        _mature(status),
        _compared(status, run),
        *_explained(status),
        _settled(status),
        *_steps(status),
    ]


def _over(status: DayStatus) -> Condition:
    end = local_text(status.window.end, status.zone)
    if status.is_over:
        return Condition(name="The day is over", state="done", text=f"since {end}")
    text = f"It ends at {end} {status.zone}."
    return Condition(name="The day is over", state="waiting", text=text)


def _reported(status: DayStatus) -> Iterator[Condition]:
    name, feeds = "Every feed reported it", f"/feeds/{quote(status.provider)}"
    if not status.waits_for:
        yield Condition(name=name, state="done", text="nothing is missing")
    elif status.is_closed:
        reason = status.closed.reason if status.closed else ""
        text = f"It was closed without: {'; '.join(status.waits_for)}. {reason}"
        yield Condition(name=name, state="done", text=text, path=feeds, link="Feeds")
    else:
        for missing in status.waits_for:
            what = f"{missing[:1].upper()}{missing[1:]}"
            text = f"{what}. Upload or pull it, or close with a reason."
            yield Condition(
                name=name,
                state="todo" if status.is_over else "later",
                text=text,
                path=feeds,
                link="Upload",
            )


def _mature(status: DayStatus) -> Condition:
    name, at = "Nothing is late any more", local_text(status.mature_at, status.zone)
    if status.mature_at <= status.now:
        return Condition(name=name, state="done", text=f"since {at}")
    text = f"Records may arrive until {at} {status.zone}."
    return Condition(name=name, state="waiting", text=text)


def _compared(status: DayStatus, run: LastRun | None) -> Condition:
    name = "Both sides were compared"
    if run is None:
        text = "No run covered exactly this day. Compare it below."
        return Condition(name=name, state="todo" if status.is_over else "later", text=text)
    at = local_text(run.finished_at, status.zone)
    return Condition(
        name=name,
        state="done",
        text=f"last at {at} {status.zone}",
        path=f"/runs/{quote(run.run_id)}",
        link="The run",
    )


def _explained(status: DayStatus) -> Iterator[Condition]:
    name, figures = "Breaks explain the difference", status.figures
    left = {
        currency: minor
        for currency in figures.currencies
        if (minor := figures.unexplained(currency))
    }
    if not left:
        yield Condition(name=name, state="done", text="0.00 is unexplained")
    for currency, minor in left.items():
        amount = f"{money_text(minor, currency, figures.exponents)} {currency}"
        text = f"{amount} is unexplained: compare the day again, then look at its rounds."
        yield Condition(name=name, state="todo", text=text)


def _settled(status: DayStatus) -> Condition:
    name, figures = "Its breaks are worked", status.figures
    if not figures.open_count:
        return Condition(name=name, state="done", text="none is open")
    money = minus_text("; ".join(words for words, _, _ in figures.open_texts()))
    return Condition(
        name=name,
        state="todo",
        text=f"{counted(figures.open_count, 'break')} open ({money}). Work them, or say in the"
        " reason why they may stay open.",
        path=f"/breaks?provider={quote(status.provider)}&day={status.day}",
        link="Breaks",
    )


def _steps(status: DayStatus) -> Iterator[Condition]:
    last = status.last
    is_prepared = last is not None and last.action is not DayAction.REOPEN
    if status.is_closed or is_prepared:
        by = (status.closed.by if status.closed else None) or "a run"
        yield Condition(name="It is closed", state="done", text=f"by {by}")
    else:
        text = "A run closes it: start one below." if status.is_over else "After its end."
        state = "todo" if status.is_over else "later"
        yield Condition(name="It is closed", state=state, text=text)
    if last is not None and is_prepared:
        preparing = [step for step in status.steps if step.action is DayAction.PREPARE]
        by = preparing[-1].by if preparing else last.by
        changed = status.state is DayState.CHANGED and last.action is DayAction.PREPARE
        text = f"by {by}" + ("; figures changed since: prepare it again" if changed else "")
        state = "todo" if changed else "done"
        yield Condition(name="One person prepared it", state=state, text=text)
    else:
        state = "todo" if status.state is DayState.CLOSED else "later"
        text = "Look at the figures, then prepare it below." if state == "todo" else "Not yet."
        yield Condition(name="One person prepared it", state=state, text=text)
    yield _signed(status)


def _signed(status: DayStatus) -> Condition:
    name, last = "Another person signed it", status.last
    if last is not None and last.action is DayAction.SIGN:
        if status.state is DayState.CHANGED:
            text = f"by {last.by}, but figures changed since: reopen it for a reason"
            return Condition(name=name, state="todo", text=text)
        return Condition(name=name, state="done", text=f"by {last.by}")
    state = "todo" if status.state is DayState.PREPARED else "later"
    text = "Sign it below." if state == "todo" else "Not yet."
    return Condition(name=name, state=state, text=text)
