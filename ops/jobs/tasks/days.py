"""A run over a day, and its close, as the command line makes them."""

from zoneinfo import ZoneInfo

from ops.jobs.kinds.days import CloseArguments, RunArguments
from ops.jobs.providers import entry_of
from ops.jobs.work import JobRun, parts_reported
from ops.providers.maturity import maturity_now
from ops.providers.reconciliation import checkpoint_folder, reconcile_provider
from ops.scheduling.day_close import Closing, close_day_of
from reconcile.partitions.options import RunOptions
from reconcile.runs.result import RunResult
from storage.jobs.model import JobLink, JobResult
from vocabulary.plurals import counted
from vocabulary.window import day_window


def run_day(run: JobRun) -> JobResult:
    """Compare a day of a provider and store the run; the day stays open."""
    arguments = run.arguments
    assert isinstance(arguments, RunArguments)
    entry, day = entry_of(run.settings, arguments.provider), arguments.day
    window = day_window(day, ZoneInfo(entry.timezone))
    url = run.endpoints.database_url
    run.progress(f"comparing {entry.slug} {day}", 0)
    result = reconcile_provider(
        url,
        entry,
        window,
        maturity=maturity_now(url, entry, run.clock),
        close=None,
        options=RunOptions(
            progress=parts_reported(run.progress),
            checkpoint=checkpoint_folder(run.data_dir, entry.slug, window),
        ),
    )
    return _result(result, arguments, "compared")


def close_day(run: JobRun) -> JobResult:
    """Compare a day and close it in the name of the person."""
    arguments = run.arguments
    assert isinstance(arguments, CloseArguments)
    entry, url = entry_of(run.settings, arguments.provider), run.endpoints.database_url
    run.progress(f"comparing {entry.slug} {arguments.day}", 0)
    closing = Closing(
        day=arguments.day,
        reason=arguments.reason,
        maturity=maturity_now(url, entry, run.clock),
    )
    options = RunOptions(progress=parts_reported(run.progress))
    result = close_day_of(run.engine, url, entry, closing, name=run.by, options=options)
    return _result(result, arguments, "closed")


def _result(
    result: RunResult, arguments: RunArguments | CloseArguments, verb: str
) -> JobResult:
    breaks = len(result.breaks)
    place = f"{arguments.provider} {arguments.day}"
    return JobResult(
        summary=f"{place} is {verb}: "
        f"{counted(result.summary()['matched'], 'round matched', 'rounds matched')},"
        f" {counted(breaks, 'break')}.",
        links=(
            JobLink(path=f"/days/{arguments.provider}/{arguments.day}", text=place),
            JobLink(path=f"/runs/{result.run_id}", text="The run"),
        ),
        details={"run": result.run_id, "breaks": breaks},
    )
