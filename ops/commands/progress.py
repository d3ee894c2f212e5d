"""Progress bars on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

#: Takes a label and the total of its units, and returns what to call with the units done.
Announce = Callable[[str, int | None], Callable[[int], None]]


@contextmanager
def progress_bars() -> Iterator[Announce]:
    """Show bars on standard error if it is a terminal."""
    with _bars() as bars:

        def announce(label: str, total: int | None) -> Callable[[int], None]:
            task = bars.add_task(label, total=total)
            return lambda done: bars.advance(task, done)

        yield announce


@contextmanager
def progress_of_parts() -> Iterator[Callable[[int, int], None]]:
    """Show one bar like ``progress_bars``; it yields what to call with parts done and total."""
    with _bars() as bars:
        task = bars.add_task("parts", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def progress_of_steps(total: int) -> Iterator[Callable[[str], None]]:
    """Show one bar that names the step at work; it yields what to call when a step begins."""
    with _bars() as bars:
        task = bars.add_task("", total=total)
        begun = count()

        def begin(label: str) -> None:
            bars.update(task, description=label, completed=next(begun))

        yield begin
        bars.update(task, completed=total)


def _bars() -> Progress:
    console = Console(stderr=True)
    columns = ("{task.description:<10}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
