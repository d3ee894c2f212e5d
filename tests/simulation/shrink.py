"""Find the shortest list that still fails: delta debugging after Zeller and Hildebrandt."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shortest(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """A sublist that fails and of which no single item can be left out.

    Args:
        items: a list that fails.
        fails: whether a sublist fails too. It may answer no after a time limit: the shortest
            list found so far is then returned.
    """
    shortest_list, pieces = list(items), 2
    while len(shortest_list) >= 2:
        smaller = _without_a_piece(shortest_list, pieces, fails)
        if smaller is not None:
            shortest_list, pieces = smaller, max(pieces - 1, 2)
        elif pieces < len(shortest_list):
            pieces = min(len(shortest_list), pieces * 2)
        else:
            break
    return shortest_list


def _without_a_piece(
    items: list[T], pieces: int, fails: Callable[[Sequence[T]], bool]
) -> list[T] | None:
    size = -(-len(items) // pieces)
    for start in range(0, len(items), size):
        shorter = items[:start] + items[start + size :]
        if fails(shorter):
            return shorter
    return None
