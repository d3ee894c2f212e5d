"""The options of ``tieout reconcile`` that decide how a run works."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from ops.commands.progress import progress_of_parts
from ops.providers.reconciliation import checkpoint_folder
from reconcile.partitions.options import RunOptions
from vocabulary.executors import executor_of
from vocabulary.window import Window, day_window


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options as they are given.

    Attributes:
        maturity: rows younger than this are timing; None: as learned and set.
        reason: with close_day, why it is closed although feeds or timing are left.
    """

    maturity: timedelta | None
    incremental: bool
    close_day: bool
    reason: str
    partitions: int | None
    workers: int
    scheduler: str | None
    resume: bool


@contextmanager
def run_options(
    options: Options, data_dir: Path, provider: str, window: Window
) -> Iterator[RunOptions]:
    """Convert the options of the command, with a progress bar on a terminal while it runs.

    Raises:
        typer.BadParameter: options that exclude each other.
    """
    if options.incremental and (options.close_day or options.resume):
        raise typer.BadParameter("--incremental goes with neither --close-day nor --resume")
    if options.scheduler is not None and options.workers > 1:
        raise typer.BadParameter("--workers is for this machine: a cluster has its own")
    with progress_of_parts() as progress:
        yield RunOptions(
            parts=options.partitions,
            executor=executor_of(workers=options.workers, scheduler=options.scheduler),
            progress=progress,
            incremental=options.incremental,
            checkpoint=checkpoint_folder(data_dir, provider, window),
            resume=options.resume,
        )


def business_day(window: Window, zone: str) -> date:
    """Return the day in a zone that a window covers.

    Raises:
        typer.BadParameter: the window is not a whole day of the zone.
    """
    day = window.start.astimezone(ZoneInfo(zone)).date()
    if day_window(day, ZoneInfo(zone)) != window:
        raise typer.BadParameter(f"only a whole day of {zone} can be closed")
    return day
