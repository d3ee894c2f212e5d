"""The pipeline, queues and parked work."""

from dataclasses import replace
from http import HTTPStatus

from console.api.endpoint import Create, Endpoint, Read, Write
from console.api.models.ops import (
    FigureJson,
    ParkedBody,
    ParkedCountJson,
    ParkedItemJson,
    ParkedJson,
    ParkedQuery,
    ParkedResultJson,
    PipelineJson,
    QueueBody,
    QueueJson,
)
from console.api.models.values import attributes
from console.config import Visit
from console.pages.breaks.listing import PAGE_ROWS
from console.pages.ops import parked, queues
from console.pages.ops.figures import figures_of, sentence_of
from console.replies import RequestRefused
from storage.queue.commands import parked_counts, parked_items, parked_page, version_of
from storage.queue.state import read_state
from vocabulary.cursors import cut_rows
from vocabulary.people import Right
from vocabulary.plurals import counted

_TAG = "ops"


def show_pipeline(visit: Visit) -> PipelineJson:
    """The pipeline now."""
    pipeline = visit.config.read_pipeline()
    return PipelineJson(
        **attributes(pipeline, "read_at findings unseen queues"),
        sentence=sentence_of(pipeline),
        figures={
            name: FigureJson(text=figure["text"], state=figure["state"])
            for name, figure in figures_of(pipeline).items()
        },
    )


def show_queue(visit: Visit) -> QueueJson:
    """One queue."""
    queue = queues.named_queue(visit)
    state = read_state(visit.console.readers)
    pause = queues.pause_of(state.paused, queue)
    return QueueJson(
        name=queue,
        paused=pause is not None,
        paused_by=None if pause is None else pause.paused_by,
        paused_at=None if pause is None else pause.paused_at,
        why=None if pause is None else pause.why,
        parked=sum(
            cause.count for cause in state.parked if cause.job == queues.JOBS.get(queue)
        ),
        version="works" if pause is None else f"paused {pause.paused_at}",
    )


def list_parked(visit: Visit) -> ParkedJson:
    """What is parked."""
    selection, _ = parked.selection_of(visit.query)
    readers, limit = visit.console.readers, int(visit.query.get("limit", PAGE_ROWS))
    after = int(visit.query.get("after", "0"))
    items = parked_page(readers, selection, after=after, limit=limit + 1)
    shown, last = cut_rows(items, limit)
    counts = parked_counts(readers, selection)
    return ParkedJson(
        total=sum(count.count for count in counts),
        counts=tuple(
            ParkedCountJson(**attributes(count, "job cause count oldest_at"))
            for count in counts
        ),
        items=tuple(
            ParkedItemJson(
                id=str(item.parked_id),
                context=dict(item.context),
                **attributes(item, "job subject cause detail times parked_at last_at"),
            )
            for item in shown
        ),
        next=None if last is None else str(last.parked_id),
    )


def decide(action: str, body: ParkedBody, visit: Visit) -> ParkedResultJson:
    """Do it, if as much is selected as expected."""
    selection, _ = parked.selection_of(visit.form)
    items = parked_items(visit.console.readers, selection)
    if len(items) != body.count:
        raise RequestRefused(
            status=HTTPStatus.CONFLICT,
            title="What is parked changed",
            why=f"{counted(body.count, 'was expected', 'were expected')}, "
            f"{counted(len(items), 'is selected', 'are selected')}. Nothing was done.",
        )
    form = {**visit.form, "version": version_of(items)}
    parked.decide(replace(visit, form=form, path={"action": action}))
    counts = parked_counts(visit.console.readers, selection)
    return ParkedResultJson(
        action=action, count=body.count, total=sum(count.count for count in counts)
    )


def _decision(action: str, summary: str) -> Create:
    return Create(
        path=f"/ops/parked/{action}",
        summary=summary,
        tag=_TAG,
        right=Right.RUN_QUEUES,
        act=lambda body, visit: decide(action, body, visit),
        body=ParkedBody,
        answer=ParkedResultJson,
    )


_QUEUE = Read(
    path="/ops/queues/{queue}",
    summary="One queue",
    tag=_TAG,
    right=Right.READ,
    show=show_queue,
    answer=QueueJson,
)
ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/ops",
        summary="The pipeline now",
        tag=_TAG,
        right=Right.READ,
        show=show_pipeline,
        answer=PipelineJson,
    ),
    _QUEUE,
    Write(
        path="/ops/queues/{queue}/pause",
        summary="Have workers leave the queue alone",
        tag=_TAG,
        right=Right.RUN_QUEUES,
        act=queues.pause,
        body=QueueBody,
        of=_QUEUE,
        needs_version=False,
    ),
    Write(
        path="/ops/queues/{queue}/resume",
        summary="Have workers work on the queue again",
        tag=_TAG,
        right=Right.RUN_QUEUES,
        act=queues.resume,
        body=QueueBody,
        of=_QUEUE,
        needs_version=False,
    ),
    Read(
        path="/ops/parked",
        summary="What is parked, by cause and in pages",
        tag=_TAG,
        right=Right.READ,
        show=list_parked,
        answer=ParkedJson,
        query=ParkedQuery,
    ),
    _decision("requeue", "Work again on what was parked"),
    _decision("discard", "Give up what was parked; batches hold money and cannot be"),
)
