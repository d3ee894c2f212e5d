"""Ranges of match keys: what a part of a comparison is made of."""

from dataclasses import dataclass
from itertools import pairwise

#: The smallest and the largest match key there can be.
KEY_MIN, KEY_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The match keys from ``first`` to ``last``, both inside."""

    first: int = KEY_MIN
    last: int = KEY_MAX

    def __contains__(self, key: int) -> bool:
        return self.first <= key <= self.last


def key_ranges(parts: int) -> tuple[KeyRange, ...]:
    """All keys in ``parts`` ranges of equal width; keys are hashes, so of nearly equal fill."""
    cuts = [KEY_MIN + 2**64 * part // parts for part in range(parts + 1)]
    return tuple(KeyRange(first, after - 1) for first, after in pairwise(cuts))
