"""The requested jobs, the newest first."""

from console.config import Visit
from console.pages.parameters import read_number
from console.replies import HtmlPage
from console.sentences import counted
from storage.jobs.model import JobState, StoredJob
from storage.jobs.queries import jobs_before

#: Jobs on one page.
JOBS_PER_PAGE = 50


def show(visit: Visit) -> HtmlPage:
    """What was requested, by whom, and what became of it."""
    before = read_number("before", visit.query.get("before"))
    by = visit.query.get("by") or None
    with visit.console.readers.connect() as connection:
        active = jobs_before(connection, active=True, limit=JOBS_PER_PAGE)
        jobs = jobs_before(connection, before=before, by=by, limit=JOBS_PER_PAGE + 1)
    shown = jobs[:JOBS_PER_PAGE]
    values = {
        "sentence": _sentence(active, has_any=bool(jobs)),
        "jobs": shown,
        "by": by,
        "before": before,
        "next": shown[-1].job_id if len(jobs) > JOBS_PER_PAGE else None,
    }
    return HtmlPage(template="jobs/jobs.html", values=values)


def _sentence(active: list[StoredJob], *, has_any: bool) -> str:
    if not active:
        return "Nothing waits or runs." if has_any else "Nothing was requested yet."
    running = sum(job.state is JobState.RUNNING for job in active)
    waiting = len(active) - running
    verb = "waits" if waiting == 1 else "wait"
    parts = [f"{counted(running, 'job')} running"] if running else []
    parts += [f"{waiting} {verb}" if running else f"{counted(waiting, 'job')} {verb}"]
    return ", ".join(parts if waiting else parts[:1]) + "."
