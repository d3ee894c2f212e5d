"""One run: what it compared, the proof that nothing was lost, and what it found."""

from console.config import Visit
from console.pages.parameters import provider_named
from console.replies import HtmlPage, not_found
from reports.find.short_ids import ShortIdKind, complete_id
from reports.stored_runs import run_named


def show(visit: Visit) -> HtmlPage:
    """The stored run; its figures are those it stored."""
    run_id = complete_id(visit.console.readers, ShortIdKind.RUN, visit.path["id"])
    with visit.console.readers.connect() as connection:
        run = run_named(connection, run_id)
    if run is None:
        raise not_found("run", visit.path["id"])
    configured = run.provider in visit.config.zones
    zone = provider_named(visit.config, run.provider).zone if configured else "UTC"
    return HtmlPage(template="run.html", values={"run": run, "zone": zone})
