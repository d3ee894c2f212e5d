"""Is the pipeline well? Queues, receivers, feeds, sizes, proofs and messages on one page."""

from collections.abc import Sequence
from functools import partial

from console.config import ConsoleConfig, Visit
from console.pages.ops.figures import TABLES_MAX, figures_of, rows_of
from console.pipeline import Pipeline
from console.replies import EventStream, HtmlPage, StreamEvent

#: Seconds between two readings of an open page.
EVERY_S = 3.0
#: Rows whose names fit into an address; of more, nobody counts the new ones.
ROWS_MAX = 500


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
    """Where a page that shows this gets its events; it names its rows, unless they are many."""
    rows = rows_of(pipeline)
    return (
        "/ops/events?rows=" + ".".join(sorted(rows))
        if len(rows) <= ROWS_MAX
        else ("/ops/events")
    )


def events(visit: Visit) -> EventStream:
    """The figures of an open page, and how many rows it does not have yet."""
    shown = frozenset(filter(None, visit.query.get("rows", "").split(".")))
    return EventStream(read=partial(read_events, visit.config, shown), every_s=EVERY_S)


def read_events(
    config: ConsoleConfig, shown: frozenset[str], _last_id: str
) -> Sequence[StreamEvent]:
    """What an open page shows now."""
    pipeline = config.read_pipeline()
    values = StreamEvent.values(figures_of(pipeline))
    if not shown:
        return [values]
    return [values, StreamEvent(name="new", data={"ops": len(rows_of(pipeline) - shown)})]
