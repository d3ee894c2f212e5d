"""Progress bars on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

#: Takes a label and the total of its units, and returns what to call with the units done.
Announce = Callable[[str, int | None], Callable[[int], None]]


@contextmanager
def progress_bars() -> Iterator[Announce]:
    """Show bars on standard error if it is a terminal."""
    console = Console(stderr=True)
    columns = ("{task.description:<10}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def announce(label: str, total: int | None) -> Callable[[int], None]:
            task = bars.add_task(label, total=total)
            return lambda done: bars.advance(task, done)

        yield announce
