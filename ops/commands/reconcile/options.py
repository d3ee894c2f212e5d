"""How a reconciliation is run, as the options of the command say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from pathlib import Path
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from reconcile.partitions.executors import executor_of
from reconcile.partitions.plan import How
from reconcile.runs.run import Mode
from vocabulary.window import Window, day_window


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was given on the command line."""

    incremental: bool
    close_day: bool
    partitions: int | None
    workers: int
    scheduler: str | None
    resume: bool


@contextmanager
def mode_of(
    options: Options, *, data_dir: Path, provider: str, window: Window, zone: str
) -> Iterator[Mode]:
    """The mode, with a bar on a terminal for as long as it is used.

    Raises:
        typer.BadParameter: options that exclude each other, or a window that is no day.
    """
    if options.incremental and (options.close_day or options.resume):
        raise typer.BadParameter("--incremental goes with neither --close-day nor --resume")
    if options.scheduler is not None and options.workers > 1:
        raise typer.BadParameter("--workers is for this machine: a cluster has its own")
    day = business_day(window, zone) if options.close_day else None
    with _bar() as progress:
        yield Mode(
            how=How(
                parts=options.partitions,
                executor=executor_of(workers=options.workers, scheduler=options.scheduler),
                progress=progress,
            ),
            incremental=options.incremental,
            spool=spool_folder(data_dir, provider, window),
            resume=options.resume,
            close=day,
        )


def business_day(window: Window, zone: str) -> date:
    """The day in a zone that a window is.

    Raises:
        typer.BadParameter: it is no whole day of it.
    """
    day = window.start.astimezone(ZoneInfo(zone)).date()
    if day_window(day, ZoneInfo(zone)) != window:
        raise typer.BadParameter(f"only a whole day of {zone} can be closed")
    return day


def spool_folder(data_dir: Path, provider: str, window: Window) -> Path:
    """Where the parts of a run that can be resumed are kept until it stands."""
    named = f"{window.start.isoformat()} {window.end.isoformat()}"
    name = blake2b(named.encode(), digest_size=8).hexdigest()
    return data_dir / "runs" / f"{provider}-{name}"


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """Parts done, on a terminal's error output; silence elsewhere."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), "parts", TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        task = bars.add_task("parts", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
