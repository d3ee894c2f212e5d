"""The window that the options ``--from`` and ``--to`` of a command name."""

import typer

from vocabulary.window import Window, parse_window


def window_of(start: str, end: str, *, zone: str) -> Window:
    """The window between two dates or instants, which are local to ``zone`` without an offset.

    Raises:
        typer.BadParameter: they are no dates or instants, or the window is empty.
    """
    try:
        return parse_window(start, end, zone=zone)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
