"""A sweep over a day of several providers, as ``tieout day run`` makes it."""

import mimetypes
from pathlib import Path
from tempfile import TemporaryDirectory

from ops.jobs.kinds.days import SweepArguments
from ops.jobs.providers import entry_of
from ops.jobs.work import JobRun
from ops.scheduling.day_sweep import SweptDay, sweep_day
from reconcile.partitions.options import RunOptions
from storage.jobs.model import JobLink, JobResult
from vocabulary.plurals import counted, plural


def sweep_days(run: JobRun) -> JobResult:
    """Take in what arrived, compare, close and write the packs of a day of providers."""
    arguments = run.arguments
    assert isinstance(arguments, SweepArguments)
    entries = [entry_of(run.settings, slug) for slug in arguments.providers]
    swept: list[SweptDay] = []
    with TemporaryDirectory(prefix="tieout-packs-") as folder:
        for number, entry in enumerate(entries):
            run.progress(f"{entry.slug} {arguments.day}", 100 * number / len(entries))
            day = sweep_day(
                run.settings,
                run.engine,
                entry,
                arguments.day,
                out=Path(folder) / entry.slug,
                options=RunOptions(),
            )
            swept.append(day)
            for reason in day.reasons:
                run.progress(f"{entry.slug}: {reason}")
            _keep_pack(run, day)
    return _result(swept)


def _keep_pack(run: JobRun, day: SweptDay) -> None:
    """Let the files of a pack be downloaded, each with its provider in its name."""
    for path in day.pack:
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        provider = day.day.provider
        name = path.name if provider in path.name else f"{provider}-{path.name}"
        run.write(name, media_type, path.read_bytes())


def _result(swept: list[SweptDay]) -> JobResult:
    calm = sum(not day.reasons for day in swept)
    all_calm = calm == len(swept)
    return JobResult(
        summary="Every day is closed and agrees."
        if all_calm
        else f"{len(swept) - calm} of {counted(len(swept), 'day')}"
        f" {plural(len(swept) - calm, 'needs', 'need')} somebody.",
        links=tuple(
            JobLink(
                path=f"/days/{day.day.provider}/{day.day.day}",
                text=f"{day.day.provider} {day.day.day}",
            )
            for day in swept
        ),
        details={
            "days": [
                {
                    "provider": day.day.provider,
                    "day": str(day.day.day),
                    "state": str(day.day.state),
                    "reasons": list(day.reasons),
                    "run": day.run_id,
                }
                for day in swept
            ]
        },
    )
