"""Prepare or sign the day of several providers together: their figures first, then one form."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from console.config import ProviderTerms, Visit
from console.pages.day_detail import DayMoved, next_actions, take_step, version_of
from console.pages.day_jobs import last_over
from console.pages.parameters import provider_named, read_day
from console.rendering import day_text
from console.replies import HtmlPage
from console.sentences import counted, figure_rows, since_lines, summed_at
from reconcile.days.states import DayAction, DayRefused, DayState, DayStatus
from vocabulary.errors import Malformed, Overtaken
from vocabulary.people import PersonRefused, Right

#: Begins the name of a box that chooses a provider; its value is the version that it showed.
CHOSEN = "provider."


@dataclass(slots=True, kw_only=True)
class StepResult:
    """What became of the days.

    Attributes:
        done: the providers whose day took the step.
        refused: by provider, why nothing was done.
        changed: the providers whose day changed since it was seen; nothing was done.
    """

    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)


def show(visit: Visit) -> HtmlPage:
    """The days that wait for the person, with their figures, and what the others wait for."""
    day = read_day(visit.query.get("day")) or date.fromisoformat(last_over(visit))
    days = _read_days(visit, visit.config.providers, day)
    return HtmlPage(template="days/sign_off.html", values=_values(visit, days, day))


def prepare(visit: Visit) -> HtmlPage:
    """Prepare the chosen days with the figures that the form was made with."""
    return _take(visit, DayAction.PREPARE)


def sign(visit: Visit) -> HtmlPage:
    """Sign the chosen days with the figures that the form was made with."""
    return _take(visit, DayAction.SIGN)


def _read_days(visit: Visit, terms: Sequence[ProviderTerms], day: date) -> list[DayStatus]:
    """The days; a step adds their sums up anew and refuses other figures than these."""
    with visit.console.readers.connect() as connection:
        days = [(term.slug, day) for term in terms]
        return visit.config.listed_days(connection, days, visit.now)


def _values(visit: Visit, days: Sequence[DayStatus], day: date) -> dict[str, Any]:
    offered = {
        action: [_shown(status) for status in days if action in next_actions(status, visit)]
        for action in (DayAction.PREPARE, DayAction.SIGN)
    }
    listed = {row["status"].provider for rows in offered.values() for row in rows}
    accepts = dict(visit.config.limits().days.accepts)
    return {
        "day": day,
        "summed_at": summed_at(days),
        "sentence": _sentence(offered, days, day),
        "reason": visit.form.get("reason", ""),
        "result": None,
        "to_prepare": offered[DayAction.PREPARE],
        "to_sign": offered[DayAction.SIGN],
        "others": [_shown(status) for status in days if status.provider not in listed],
        "needs_reason": not accepts
        and any(row["status"].figures.open_count for row in offered[DayAction.PREPARE]),
        "all_signed": bool(days) and all(status.state is DayState.SIGNED for status in days),
        "may_dispute": visit.signed_in.person.may(Right.DISPUTE),
    }


def _shown(status: DayStatus) -> dict[str, Any]:
    return {
        "status": status,
        "rows": figure_rows(status.figures),
        "since": since_lines(status),
        "version": version_of(status),
    }


def _sentence(
    offered: dict[DayAction, list[dict[str, Any]]], days: Sequence[DayStatus], day: date
) -> str:
    parts = [
        f"{counted(len(rows), 'day')} to {verb}"
        for action, verb in ((DayAction.PREPARE, "prepare"), (DayAction.SIGN, "sign"))
        if (rows := offered[action])
    ]
    if parts:
        return f"{day_text(day)}: {' and '.join(parts)}."
    if days and all(status.state is DayState.SIGNED for status in days):
        return f"{day_text(day)} is signed for every provider."
    return f"{day_text(day)}: nothing waits for you."


def _take(visit: Visit, action: DayAction) -> HtmlPage:
    """Take the step for each chosen provider, in a transaction of its own."""
    day = read_day(visit.form.get("day"))
    chosen = {
        provider_named(visit.config, name.removeprefix(CHOSEN)).slug: version
        for name, version in visit.form.items()
        if name.startswith(CHOSEN)
    }
    if day is None or not chosen:
        raise Malformed("provider", "a day and at least one provider are expected")
    result = StepResult()
    for slug, version in chosen.items():
        _take_one(visit, action, (slug, day, version), result)
    days = _read_days(visit, visit.config.providers, day)
    values = {
        **_values(visit, days, day),
        "result": result,
        "sentence": _done_text(action, result),
    }
    return HtmlPage(template="days/sign_off.html", values=values)


def _take_one(
    visit: Visit, action: DayAction, seen: tuple[str, date, str], result: StepResult
) -> None:
    slug, day, version = seen
    try:
        take_step(visit, action, slug, day, version)
    except (DayRefused, PersonRefused) as error:
        result.refused[slug] = str(error)
    except (DayMoved, Overtaken):  # or somebody took a step between reading and storing
        result.changed.append(slug)
    else:
        result.done.append(slug)


def _done_text(action: DayAction, result: StepResult) -> str:
    """What was done, in a sentence."""
    count, rest = len(result.done), len(result.refused) + len(result.changed)
    text = f"{counted(count, 'day').capitalize()} {'is' if count == 1 else 'are'} {action}"
    return f"{text}, {rest} could not be." if rest else f"{text}."
