"""The window that the options ``--from`` and ``--to`` of a command name."""

import typer

from vocabulary.window import Window, parse_window


def window_of(start: str, end: str, *, zone: str) -> Window:
    """The window between two dates or instants, which are local to ``zone`` without an offset.

    Raises:
        typer.BadParameter: invalid dates or instants, or an empty window.
    """
    try:
        return parse_window(start, end, zone=zone)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
