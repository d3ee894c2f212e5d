"""One queue: its figures, who works on it, what it parked; pause it, and go on."""

from collections.abc import Callable

from sqlalchemy import Engine

from console.acting import writers_for
from console.config import Visit
from console.pages.ops.figures import figures_of
from console.pages.ops.overview import stream_address
from console.pages.parameters import read_text
from console.pages.stale_forms import stale_form
from console.replies import HtmlPage, RequestRefused, SeeOther, not_found
from storage.queue import commands
from storage.queue.commands import OperatorDecision
from storage.queue.state import Pause, read_state
from vocabulary.people import Right

#: Longest reason, in characters.
REASON_CHARS_MAX = 4_000
#: The job whose messages a queue carries.
JOBS = {"post": "post.v1", "ingest": "ingest.v1", "fetch": "fetch.v1"}


def show(visit: Visit) -> HtmlPage:
    """The queue of the address."""
    queue = named_queue(visit)
    pipeline = visit.config.read_pipeline()
    state = read_state(visit.console.readers)
    values = {
        "queue": queue,
        "pipeline": pipeline,
        "live": figures_of(pipeline),
        "stream": stream_address(pipeline),
        "paused": pause_of(state.paused, queue),
        "canary": next((each for each in state.canaries if each.queue == queue), None),
        "parked": [cause for cause in state.parked if cause.job == JOBS.get(queue)],
        "workers": [worker for worker in state.workers if worker.role == "worker"],
        "may_decide": visit.signed_in.person.may(Right.RUN_QUEUES),
    }
    return HtmlPage(template="ops/queue.html", values=values)


def pause(visit: Visit) -> SeeOther:
    """Have workers leave the queue alone."""
    return _switch(visit, commands.pause, "paused")


def resume(visit: Visit) -> SeeOther:
    """Have workers work on the queue again."""
    return _switch(visit, commands.resume, "resumed")


def decision_of(visit: Visit) -> OperatorDecision:
    """Who decides, and the reason of the form.

    Raises:
        Malformed: there is no reason.
    """
    reason = read_text(visit.form, "reason", most=REASON_CHARS_MAX, meaning="a reason")
    return OperatorDecision(actor=visit.signed_in.person.name, reason=reason)


def _switch(
    visit: Visit, change: Callable[[Engine, str, OperatorDecision], bool], done: str
) -> SeeOther:
    queue = named_queue(visit)
    engine = writers_for(visit.console, visit.signed_in.person)
    if not change(engine, queue, decision_of(visit)):
        raise _stale(visit, queue)
    return SeeOther(path=f"/ops/queues/{queue}?done={done}")


def named_queue(visit: Visit) -> str:
    """The queue that the address names.

    Raises:
        RequestRefused: there is none.
    """
    queue = visit.path["queue"]
    if queue not in visit.config.queues:
        raise not_found("queue", queue)
    return queue


def pause_of(pauses: tuple[Pause, ...], queue: str) -> Pause | None:
    """The pause of a queue; None: workers work on it."""
    return next((pause for pause in pauses if pause.queue == queue), None)


def _stale(visit: Visit, queue: str) -> RequestRefused:
    pause = pause_of(read_state(visit.console.readers).paused, queue)
    now_is = "works" if pause is None else f"paused by {pause.paused_by}: {pause.why}"
    return stale_form(
        visit,
        subject="The queue",
        what=f"queue {queue}",
        back=f"/ops/queues/{queue}",
        now_is=now_is,
        why="Nothing was done: somebody else was first.",
    )
