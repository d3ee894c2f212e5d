"""One run: what it compared, the proof that nothing was lost, and what it found."""

from collections.abc import Iterator, Mapping

from breaks.lists.run_changes import changes_by_run
from console.config import Visit
from console.drawings.waterfall import waterfalls_of
from console.pages.parameters import read_name, zone_values
from console.replies import HtmlPage, not_found
from reports.find.short_ids import ShortIdKind, complete_id
from reports.stored_runs import run_named

#: Breaks that are listed of those that it opened, and of those that it cleared.
BREAKS_MAX = 20
#: Parts of a manifest that the page shows elsewhere.
_SHOWN_ELSEWHERE = frozenset({"ours", "theirs", "unread", "rules", "code"})


def show(visit: Visit) -> HtmlPage:
    """The stored run; its figures are those it stored."""
    name = read_name("run", visit.path["id"])
    run_id = complete_id(visit.console.readers, ShortIdKind.RUN, name)
    with visit.console.readers.connect() as connection:
        run = run_named(connection, run_id)
        if run is None:
            raise not_found("run", name)
        changes = changes_by_run(connection, run.provider, run.started_at, limit=BREAKS_MAX)
    rest = {key: part for key, part in run.manifest.items() if key not in _SHOWN_ELSEWHERE}
    values = {
        "run": run,
        "changes": changes,
        "waterfalls": waterfalls_of(run.manifest),
        "inputs": list(flat("", rest)),
        **zone_values(visit.config, run.provider),
        "exponents": run.manifest.get("exponents") or visit.config.exponents(run.provider),
    }
    return HtmlPage(template="run.html", values=values)


def flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    """One name and text for each leaf of a document."""
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            yield from flat(f"{name}.{key}" if name else str(key), value[key])
    elif isinstance(value, list) and value:
        for number, item in enumerate(value, start=1):
            yield from flat(f"{name}.{number}", item)
    else:
        yield name, "none" if value is None or value in ({}, []) else str(value)
