"""The proof that no row and no amount is lost, doubled or invented between input and result.

A tally is a row count with exact sums per currency. Every run proves for each side that
``source + outside - undone = matched + timing + breaks + excluded``, line by line. A run that
cannot prove it is not stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reconcile.snapshot.arrays import (
    BLOCK,
    Column,
    Flags,
    arrow_text,
    changes,
    integers,
    present,
)
from reconcile.snapshot.columns import FEW, Rows, array_of
from reconcile.snapshot.hashing import mix
from vocabulary.errors import Contradiction

#: Sums of int64 may overflow, so amounts are summed as two halves of this many bits.
_HALF = 32

CurrencyTotals = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of rows, and the exact stake and payout in minor units by currency code."""

    rows: int
    totals: CurrencyTotals

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.rows + other.rows, _add_totals(self.totals, other.totals, 1))

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(self.rows - other.rows, _add_totals(self.totals, other.totals, -1))


EMPTY = Tally(0, ())


def tally(frame: Rows, rows: Flags | None = None) -> Tally:
    """Count the rows of a frame and sum its ``stake`` and ``payout`` by ``currency``.

    Args:
        frame: with these three columns.
        rows: flags the rows that count; None: all do.
    """
    codes, names = currency_codes(frame["currency"])
    stake, payout = (array_of(frame[name]) for name in ("stake", "payout"))
    if rows is not None:
        codes = np.where(rows, codes, len(names))
    blocks = (slice(start, start + BLOCK) for start in range(0, len(codes), BLOCK))
    tallies = (tally_codes(codes[at], names, stake[at], payout[at]) for at in blocks)
    return reduce(Tally.__add__, tallies, EMPTY)


def tally_columns(pairs: Rows, stake: str, payout: str, count: str) -> Tally:
    """Tally two columns of a frame over the rows in which a third one is not null."""
    rows = present(pairs[count])
    codes, names = currency_codes(pairs["currency"])
    stakes, payouts = (integers(pairs[name])[rows] for name in (stake, payout))
    return tally_codes(codes[rows], names, stakes, payouts)


def tally_sums(currency: Column, stake: NDArray[np.int64], payout: NDArray[np.int64]) -> Tally:
    """Tally amounts by their currency."""
    return tally_codes(*currency_codes(currency), stake, payout)


def currency_codes(currency: Column) -> tuple[NDArray[Any], list[str]]:
    """Return each row's currency as a position in a list of codes, and that list."""
    values = array_of(currency)
    if isinstance(values, pd.Categorical):
        return values.codes, values.categories.tolist()
    if len(values) <= FEW:
        texts = arrow_text(values).to_pylist()
        names = list(dict.fromkeys(texts))
        return np.array([names.index(text) for text in texts], dtype=np.int32), names
    encoded = arrow_text(values).dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def tally_codes(
    codes: NDArray[Any], names: list[str], stake: NDArray[np.int64], payout: NDArray[np.int64]
) -> Tally:
    """Tally amounts whose currency is given by its position in ``names``.

    Rows with a position beyond the list do not count.
    """
    if not len(codes):
        return EMPTY
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    counted = int(np.searchsorted(ordered, len(names)))
    order, ordered = order[:counted], ordered[:counted]
    starts = np.flatnonzero(changes(ordered))
    sums = [exact_sums(values[order], starts) for values in (stake, payout)]
    totals = [
        (names[code], *amounts) for code, *amounts in zip(ordered[starts], *sums, strict=True)
    ]
    return Tally(counted, _without_zeros(totals))


def exact_sums(values: NDArray[np.int64], starts: NDArray[np.intp]) -> list[int]:
    """Sum 64-bit integers from each start to the next one, without overflow."""
    if _fits_int64(values):
        sums: list[int] = np.add.reduceat(values, starts).tolist()
        return sums
    low = np.add.reduceat(values & ((1 << _HALF) - 1), starts).tolist()
    high = np.add.reduceat(values >> _HALF, starts).tolist()
    return [(upper << _HALF) + lower for upper, lower in zip(high, low, strict=True)]


def _fits_int64(values: NDArray[np.int64]) -> bool:
    if not len(values):
        return True
    largest = max(int(values.max()), -int(values.min()))
    return largest * len(values) < 2**63


def exact_sum(values: NDArray[np.int64]) -> int:
    """Sum 64-bit integers without overflow."""
    if _fits_int64(values):
        return int(values.sum())
    low = int((values & ((1 << _HALF) - 1)).sum())
    return (int((values >> _HALF).sum()) << _HALF) + low


def _add_totals(left: CurrencyTotals, right: CurrencyTotals, sign: int) -> CurrencyTotals:
    sums = {name: [stake, payout] for name, stake, payout in left}
    for name, stake, payout in right:
        amounts = sums.setdefault(name, [0, 0])
        amounts[0] += sign * stake
        amounts[1] += sign * payout
    return _without_zeros([(name, stake, payout) for name, (stake, payout) in sums.items()])


def _without_zeros(totals: list[tuple[str, int, int]]) -> CurrencyTotals:
    return tuple(sorted(total for total in totals if total[1] or total[2]))


@dataclass(frozen=True, slots=True)
class Identity:
    """A set of rows: their number, and a hash that does not depend on their order."""

    rows: int
    mixed: int

    def __add__(self, other: "Identity") -> "Identity":
        return Identity(self.rows + other.rows, (self.mixed + other.mixed) % 2**64)

    def __str__(self) -> str:
        return f"{self.rows}:{self.mixed:016x}"


NO_ROWS = Identity(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideProof:
    """Follows one side's rows from input to bucket. The proofs of parts can be added.

    Attributes:
        source: records of the window, as first read.
        outside: records outside the window that belong to its rounds or matched its rows.
        undone: amounts of records whose round another record rolled back.
        folded: records that were joined with another of their round into one row; only rows.
        identity: a hash over the rows of ``source``.
        edge: a hash over the edge rows that took part in matching.
    """

    source: Tally = EMPTY
    outside: Tally = EMPTY
    undone: Tally = EMPTY
    folded: int = 0
    matched: Tally = EMPTY
    timing: Tally = EMPTY
    breaks: Tally = EMPTY
    excluded: Tally = EMPTY
    identity: Identity = NO_ROWS
    edge: Identity = NO_ROWS

    def __add__(self, other: "SideProof") -> "SideProof":
        sums: dict[str, Any] = {
            part.name: getattr(self, part.name) + getattr(other, part.name)
            for part in fields(self)
        }
        return SideProof(**sums)

    @property
    def compared(self) -> Tally:
        """The rows that were compared, which the buckets must add up to."""
        standing = self.source + self.outside - self.undone
        return Tally(standing.rows - self.folded, standing.totals)

    @property
    def holds(self) -> bool:
        """Whether every row and every minor unit is in exactly one bucket."""
        buckets = (self.matched, self.timing, self.breaks, self.excluded)
        return self.compared == reduce(Tally.__add__, buckets, EMPTY)


def prove(side: str, proof: SideProof) -> SideProof:
    """Return the proof if it holds.

    Raises:
        Contradiction: a row or an amount was lost or appeared between the passes.
    """
    if not proof.holds:
        raise Contradiction(f"reconciliation does not conserve {side}: nothing is stored")
    return proof


def identity(frame: Rows) -> Identity:
    """Identify the rows of a KEYS frame."""
    names = ("match_key", "stake", "payout", "player_hash")
    columns = [array_of(frame[name]).view(np.uint64) for name in names]
    codes, categories = currency_codes(frame["currency"])
    hashes = pd.util.hash_array(np.array(categories, dtype=object))
    named = hashes[codes] + array_of(frame["odd"])
    return identity_of([*columns, named])


def identity_of(columns: Sequence[NDArray[np.uint64]]) -> Identity:
    """Identify the rows that these columns of equal length form."""
    rows, total = len(columns[0]), 0
    for start in range(0, rows, BLOCK):
        mixed = np.zeros(1, dtype=np.uint64)
        for column in columns:
            mixed = mix(mixed + column[start : start + BLOCK])
        total += int(mixed.sum(dtype=np.uint64))
    return Identity(rows, total % 2**64)


def tally_json(figures: Tally) -> dict[str, Any]:
    """Return a tally for a manifest; minor units are text, so that no reader rounds them."""
    totals = {
        name: {"stake": str(stake), "payout": str(payout)}
        for name, stake, payout in figures.totals
    }
    return {"rows": figures.rows, "totals_minor": totals}
