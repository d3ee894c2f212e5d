"""Is the pipeline well? Queues, receivers, feeds, sizes, proofs and messages on one page."""

from collections.abc import Sequence
from functools import partial

from console.config import ConsoleConfig, Visit
from console.pages.ops.figures import TABLES_MAX, figures_of, rows_of
from console.pipeline import Pipeline
from console.replies import EventStream, HtmlPage, StreamEvent

#: Seconds between two readings of an open page.
EVERY_S = 3.0


def show(visit: Visit) -> HtmlPage:
    """The pipeline now; a part that cannot be seen says why."""
    pipeline = visit.config.read_pipeline()
    values = {
        "pipeline": pipeline,
        "live": figures_of(pipeline),
        "stream": stream_address(pipeline),
        "tables_max": TABLES_MAX,
    }
    return HtmlPage(template="ops/overview.html", values=values)


def stream_address(pipeline: Pipeline) -> str:
    """Where a page that shows this gets its events."""
    return "/ops/events?rows=" + ".".join(sorted(rows_of(pipeline)))


def events(visit: Visit) -> EventStream:
    """The figures of an open page, and how many rows it does not have yet."""
    shown = frozenset(visit.query.get("rows", "").split("."))
    return EventStream(read=partial(read_events, visit.config, shown), every_s=EVERY_S)


def read_events(
    config: ConsoleConfig, shown: frozenset[str], _last_id: str
) -> Sequence[StreamEvent]:
    """What an open page shows now."""
    pipeline = config.read_pipeline()
    return [
        StreamEvent.values(figures_of(pipeline)),
        StreamEvent(name="new", data={"ops": len(rows_of(pipeline) - shown)}),
    ]
