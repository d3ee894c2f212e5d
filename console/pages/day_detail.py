"""One day of a provider: both sides, its breaks, its steps; prepare, sign and reopen it."""

import hashlib
import json
from datetime import date
from typing import Any

from sqlalchemy import Connection

from breaks.lists.paging import BreakOrder, page_of_breaks
from breaks.lists.queries import BreakFilter
from console.acting import actor_of, writers_for
from console.checklist import LastRun, conditions
from console.config import ProviderTerms, Visit
from console.pages import day_jobs
from console.pages.corrected_rounds import known_beginnings
from console.pages.jobs.requesting import new_request_key
from console.pages.parameters import provider_named, read_day, read_text
from console.pages.stale_forms import stale_form
from console.replies import HtmlPage, RequestRefused, SeeOther
from console.sentences import changed_rows, day_sentence, figure_rows, since_lines
from reconcile.days.corrections import corrections_of
from reconcile.days.since import fixed_step
from reconcile.days.states import (
    DayAction,
    DayRefused,
    DayState,
    DayStatus,
    StepRequest,
    check_close,
)
from reconcile.days.store import day_subject, store_step
from reports.stored_runs import last_run
from storage.audit import trail
from storage.people import refused_people
from vocabulary.people import Right, are_two_people

#: Breaks that the page of a day shows; the list has all.
BREAKS_MAX = 15


def show(visit: Visit) -> HtmlPage:
    """The day, with the next step; a step adds up anew what the page shows."""
    term, day = named_day(visit)
    with visit.console.readers.connect() as connection:
        (status,) = visit.config.listed_days(connection, [(term.slug, day)], visit.now)
        return HtmlPage(template="day.html", values=_values(visit, connection, term, status))


def prepare(visit: Visit) -> SeeOther:
    """Prepare the day with the figures that the form was made with."""
    return _take(visit, DayAction.PREPARE)


def sign(visit: Visit) -> SeeOther:
    """Sign the day with the figures that the form was made with."""
    return _take(visit, DayAction.SIGN)


def reopen(visit: Visit) -> SeeOther:
    """Reopen the day for a reason."""
    return _take(visit, DayAction.REOPEN)


def version_of(status: DayStatus) -> str:
    """A digest of the steps and figures of a day: what a person saw when they decided."""
    version = [len(status.steps), status.figures.to_json()]
    return hashlib.sha256(json.dumps(version, sort_keys=True).encode()).hexdigest()


def possible_actions(status: DayStatus) -> list[DayAction]:
    """The steps that the state allows, whoever takes them."""
    last = status.last
    match status.state:
        case DayState.CLOSED:
            return [DayAction.PREPARE]
        case DayState.PREPARED:
            return [DayAction.SIGN, DayAction.REOPEN]
        case DayState.SIGNED:
            return [DayAction.REOPEN]
        case DayState.CHANGED:
            if last is not None and last.action is DayAction.SIGN:
                return [DayAction.REOPEN]
            return [DayAction.PREPARE, DayAction.REOPEN]
        case DayState.OPEN | DayState.WAITING | DayState.READY | DayState.REOPENED:
            return []


def next_actions(status: DayStatus, visit: Visit) -> list[DayAction]:
    """The steps that the state allows and the person has a right to."""
    person, last = visit.signed_in.person, status.last
    allowed = [action for action in possible_actions(status) if person.may(action.right)]
    is_own = last is not None and not are_two_people(last.eyes, actor_of(person).eyes)
    if is_own and DayAction.SIGN in allowed and visit.config.limits().days.two_people:
        allowed.remove(DayAction.SIGN)
    return allowed


def named_day(visit: Visit) -> tuple[ProviderTerms, date]:
    """The provider and the day that the address names."""
    term = provider_named(visit.config, visit.path["provider"])
    day = read_day(visit.path["day"])
    assert day is not None, "a path has no empty part"
    return term, day


def _values(
    visit: Visit, connection: Connection, term: ProviderTerms, status: DayStatus
) -> dict[str, Any]:
    break_filter = BreakFilter(
        provider=term.slug, windows={term.slug: status.window}, include_closed=True
    )
    breaks = page_of_breaks(
        connection, break_filter, order=BreakOrder.MONEY, after=None, limit=BREAKS_MAX
    )
    return {
        "status": status,
        "summed_at": status.figures.summed_at,
        "sentence": day_sentence(status),
        "rows": figure_rows(status.figures),
        "since": since_lines(status),
        "changed": changed_rows(status),
        "fixed": fixed_step(status),
        "conditions": conditions(status, _last_run(connection, status)),
        "jobs": day_jobs.jobs_of_day(connection, term.slug, status.day),
        "may_run": visit.signed_in.person.may(Right.RUN_DAYS),
        "may_close": visit.signed_in.person.may(Right.PREPARE_DAYS) and _can_close(status),
        "request_key": new_request_key(),
        "breaks": breaks,
        "corrections": corrections_of(
            connection,
            term.slug,
            status.window,
            status.figures.exponents,
            known_beginnings(visit.console, connection, term.slug),
        ),
        "subject": day_subject(term.slug, status.day),
        "trail": trail(connection, day_subject(term.slug, status.day)),
        "actions": next_actions(status, visit),
        "version": version_of(status),
        "exponents": term.exponents,
        "zone": term.zone,
        "accepts": dict(visit.config.limits().days.accepts),
    }


def _last_run(connection: Connection, status: DayStatus) -> LastRun | None:
    run = last_run(connection, status.provider, status.window)
    if run is None:
        return None
    return LastRun(run_id=run.run_id, finished_at=run.finished_at)


def _can_close(status: DayStatus) -> bool:
    """Whether the rules let a person close the day, if only with a reason."""
    try:
        check_close(status, "any")
    except DayRefused:
        return False
    return True


class DayMoved(Exception):
    """The day is not as the person saw it; ``status`` is what it is now."""

    def __init__(self, status: DayStatus) -> None:
        super().__init__(f"{status.provider} {status.day} changed")
        self.status = status


def take_step(visit: Visit, action: DayAction, slug: str, day: date, version: str) -> None:
    """Store the person's step of a day that still has the version of its page.

    Raises:
        DayMoved: it has another version; nothing was done.
        DayRefused: the rules do not allow the step.
        PersonRefused: the database refuses the person.
    """
    person = visit.signed_in.person
    request = StepRequest(
        action=action,
        by=person.name,
        eyes=actor_of(person).eyes,
        reason=read_text(visit.form, "reason", most=day_jobs.REASON_CHARS_MAX),
    )
    engine = writers_for(visit.console, person)
    with refused_people(), engine.begin() as connection:
        status = visit.config.day_of(connection, slug, day, visit.now)
        if version_of(status) != version:
            raise DayMoved(status)
        store_step(connection, status, request, visit.config.limits().days)


def _take(visit: Visit, action: DayAction) -> SeeOther:
    term, day = named_day(visit)
    try:
        take_step(visit, action, term.slug, day, visit.form.get("version", ""))
    except DayMoved as moved:
        raise _stale(visit, moved.status) from moved
    return SeeOther(path=f"/days/{term.slug}/{day}?done=saved")


def _stale(visit: Visit, status: DayStatus) -> RequestRefused:
    """Somebody took a step, or a figure moved: shows what was seen beside what is."""
    return stale_form(
        visit,
        subject="The day",
        what=f"{status.provider} {status.day}",
        back=f"/days/{status.provider}/{status.day}",
        now_is=day_sentence(status),
    )
