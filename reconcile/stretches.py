"""A window's key rows, read by stretches of time.

Of a long answer either end takes fresh memory for every byte, which costs more than to look
for the rows: many short answers that use the same memory again come in three quarters of the
time, and a window that is too large is known for it early. A stretch is as long as the rows
before let expect; none of it changes what is read.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from reconcile.key_rows import PIECE, Cut, rows_of
from reconcile.window import Window

#: Rows from the first instant (inside) to the second (outside), at most so many of them.
Ask = Callable[[datetime, datetime, int], list[Cut]]

_INSTANT = timedelta(microseconds=1)
#: The first stretch is this part of the window.
_FIRST = 64
#: A stretch is at most so many times as long as the one before, and at least that part of it.
_STEP = 4
#: Nanoseconds a row from which on time is not the order in which rows lie in a table: every
#: stretch would look at all of them. An ordinary row takes a tenth of it.
_SLOW = 4_000


def read_up_to(
    ask: Ask, window: Window, rows: int, *, clock: Callable[[], int]
) -> list[Cut] | None:
    """The rows of a window; None where it has more than ``rows``.

    The ``clock`` tells nanoseconds.
    """
    pieces: list[Cut] = []
    left, most = rows, _STEP * PIECE
    at, length = window.start, max((window.end - window.start) // _FIRST, _INSTANT)
    while at < window.end:
        until, began = min(at + length, window.end), clock()
        told = ask(at, until, min(left, most) + 1)
        here = rows_of(told)
        if here > left:
            return None
        if here > most:
            # Rows of one instant cannot be told apart: all of them, then.
            most = left if length == _INSTANT else most
            length = max(length // (2 * _STEP), _INSTANT)
            continue
        pieces, left, at = pieces + told, left - here, until
        if here > PIECE // _STEP and clock() - began > here * _SLOW:
            length, most = window.end - window.start, left
        else:
            length = _next(length, here)
    return pieces


def _next(length: timedelta, rows: int) -> timedelta:
    """How long the next stretch is, by what this one held."""
    if rows * _STEP <= PIECE:
        return length * _STEP
    return max(length * PIECE // min(rows, PIECE * _STEP), _INSTANT)
