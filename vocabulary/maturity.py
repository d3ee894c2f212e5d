"""Maturity: how old a row must be before its counterpart counts as missing. Pure.

Each kind of operation has its own age. A row waits for the longest age among the kinds that it
contains, counted from its last activity. A round that both sides report may still be immature
in part: see ``reconcile.snapshot.immature``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

_US = timedelta(microseconds=1)


class RecordKind(StrEnum):
    """What a feed record reports; providers may report each kind with its own delay."""

    BET = "bet"
    WIN = "win"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturityAges:
    """How old a row must be before its counterpart counts as missing, by kind.

    Attributes:
        in_part: whether a round that both sides report may be immature in part. False only for
            runs stored before that existed.
    """

    bet: timedelta
    win: timedelta
    rollback: timedelta
    in_part: bool = True

    @classmethod
    def uniform(cls, age: timedelta, *, in_part: bool = True) -> Self:
        """The same age for every kind."""
        return cls(bet=age, win=age, rollback=age, in_part=in_part)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The ages that ``as_json`` rendered."""
        ages = {str(kind): int(document[kind]) * _US for kind in RecordKind}
        return cls(**ages, in_part=bool(document["in_part"]))

    def age_of(self, kind: RecordKind) -> timedelta:
        """The age of one kind."""
        age: timedelta = getattr(self, kind.value)
        return age

    @property
    def longest(self) -> timedelta:
        """The age at which every kind is mature."""
        return max(self.age_of(kind) for kind in RecordKind)

    def as_json(self) -> dict[str, Any]:
        """The exact ages in microseconds, for a manifest."""
        ages: dict[str, Any] = {str(kind): self.age_of(kind) // _US for kind in RecordKind}
        return {**ages, "in_part": self.in_part}


def as_ages(maturity: MaturityAges | timedelta) -> MaturityAges:
    """Ages by kind, from ages or from one age for all kinds."""
    return maturity if isinstance(maturity, MaturityAges) else MaturityAges.uniform(maturity)


#: The bit of each kind in the mask of a row's kinds.
KIND_BITS: Mapping[RecordKind, int] = MappingProxyType(
    {RecordKind.BET: 1, RecordKind.WIN: 2, RecordKind.ROLLBACK: 4}
)
#: The mask of a row whose kinds are unknown.
ANY_KIND = sum(KIND_BITS.values())


def longest_age(kind_mask: int, ages: MaturityAges) -> timedelta:
    """The age at which a row with these kinds of operations is mature."""
    kinds = [kind for kind, bit in KIND_BITS.items() if kind_mask & bit]
    return max(ages.age_of(kind) for kind in kinds or RecordKind)
