"""How old each kind of row has to be before its other side must be there. Pure.

A row waits for every kind of operation that it holds, the longest of them, from its last sign
of life on. A round that both sides tell may be young in a part of it: see
``reconcile.snapshot.immature``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

_US = timedelta(microseconds=1)


class RecordKind(StrEnum):
    """What a record of a feed tells of; each may be told at its own pace."""

    BET = "bet"
    WIN = "win"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturityAges:
    """How old a row has to be before its other side must be there, by what it tells of.

    Attributes:
        in_part: a round that both sides tell may be young in a part of it too. Runs of before
            that was judged did without.
    """

    bet: timedelta
    win: timedelta
    rollback: timedelta
    in_part: bool = True

    @classmethod
    def alike(cls, age: timedelta, *, in_part: bool = True) -> Self:
        """One age for every kind."""
        return cls(bet=age, win=age, rollback=age, in_part=in_part)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """The ages that ``as_json`` told."""
        ages = {str(kind): int(told[kind]) * _US for kind in RecordKind}
        return cls(**ages, in_part=bool(told["in_part"]))

    def of(self, happening: RecordKind) -> timedelta:
        """The age of one kind."""
        age: timedelta = getattr(self, happening.value)
        return age

    @property
    def longest(self) -> timedelta:
        """The age at which every kind is ripe."""
        return max(self.of(kind) for kind in RecordKind)

    def as_json(self) -> dict[str, Any]:
        """For a manifest, exact; in microseconds."""
        told: dict[str, Any] = {str(kind): self.of(kind) // _US for kind in RecordKind}
        return {**told, "in_part": self.in_part}


def ages_of(told: MaturityAges | timedelta) -> MaturityAges:
    """Ages by kind, where one age may stand for all."""
    return told if isinstance(told, MaturityAges) else MaturityAges.alike(told)


#: The bit of each kind in what a row holds.
BITS: Mapping[RecordKind, int] = MappingProxyType(
    {RecordKind.BET: 1, RecordKind.WIN: 2, RecordKind.ROLLBACK: 4}
)
#: A row of which nobody knows what it holds may hold anything.
ANYTHING = sum(BITS.values())


def longest_held(held: int, ages: MaturityAges) -> timedelta:
    """The age at which a row is ripe that holds operations of these kinds."""
    kinds = [kind for kind, bit in BITS.items() if held & bit]
    return max(ages.of(kind) for kind in kinds or RecordKind)
