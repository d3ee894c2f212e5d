"""Find the shortest list that still fails: delta debugging after Zeller and Hildebrandt."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shortest(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of ``items`` that fails and of which no single item can be left out.

    Args:
        items: a list that fails.
        fails: whether a part of it, in the same order, fails too. May stop agreeing at any
            time (when it has been asked too often): then what was found so far is returned.
    """
    kept, pieces = list(items), 2
    while len(kept) >= 2:
        smaller = _without_a_piece(kept, pieces, fails)
        if smaller is not None:
            kept, pieces = smaller, max(pieces - 1, 2)
        elif pieces < len(kept):
            pieces = min(len(kept), pieces * 2)
        else:
            break
    return kept


def _without_a_piece(
    items: list[T], pieces: int, fails: Callable[[Sequence[T]], bool]
) -> list[T] | None:
    size = -(-len(items) // pieces)
    for start in range(0, len(items), size):
        rest = items[:start] + items[start + size :]
        if fails(rest):
            return rest
    return None
