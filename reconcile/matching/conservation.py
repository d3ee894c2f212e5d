"""Nothing is lost, doubled or invented between what was read and what is reported.

A tally is a count and exact sums per currency. Every run shows, for either side,
``source + outside - undone = matched + timing + breaks + excluded``, line by line; a run that
cannot show it does not stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reconcile.snapshot.arrays import BLOCK, Flags, changes, words
from vocabulary.errors import Contradiction

#: Amounts are summed as two halves of this many bits, so that no sum of int64 can overflow.
_HALF = 32

CurrencyTotals = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows, and stake and payout in minor units per currency, by currency code."""

    rows: int
    totals: CurrencyTotals

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.rows + other.rows, _summed(self.totals, other.totals, 1))

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(self.rows - other.rows, _summed(self.totals, other.totals, -1))


NOTHING = Tally(0, ())


def tally(frame: pd.DataFrame, rows: Flags | None = None) -> Tally:
    """Rows and exact sums of a frame with ``currency``, ``stake`` and ``payout``.

    Only the ``rows`` count, where any are given.
    """
    codes, names = currency_codes(frame["currency"])
    stake, payout = (frame[name].to_numpy() for name in ("stake", "payout"))
    if rows is not None:
        codes = np.where(rows, codes, len(names))
    stretches = (slice(start, start + BLOCK) for start in range(0, len(codes), BLOCK))
    told = (tally_codes(codes[at], names, stake[at], payout[at]) for at in stretches)
    return reduce(Tally.__add__, told, NOTHING)


def tally_of(pairs: pd.DataFrame, stake: str, payout: str, present: str) -> Tally:
    """The same of two other columns, over the rows where a third is not absent."""
    there = pairs[present].notna().to_numpy()
    codes, names = currency_codes(pairs["currency"])
    stakes, payouts = (
        pairs[name].to_numpy(dtype="int64", na_value=0)[there] for name in (stake, payout)
    )
    return tally_codes(codes[there], names, stakes, payouts)


def tally_sums(
    currency: "pd.Series[Any]", stake: NDArray[np.int64], payout: NDArray[np.int64]
) -> Tally:
    """Exact sums by currency."""
    return tally_codes(*currency_codes(currency), stake, payout)


def currency_codes(currency: "pd.Series[Any]") -> tuple[NDArray[Any], list[str]]:
    """Currencies as places in a list of them."""
    if isinstance(currency.dtype, pd.CategoricalDtype):
        return currency.cat.codes.to_numpy(), list(currency.cat.categories)
    encoded = words(currency).dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def tally_codes(
    codes: NDArray[Any], names: list[str], stake: NDArray[np.int64], payout: NDArray[np.int64]
) -> Tally:
    """Exact sums by currency, each given by its place in a list of them.

    Rows with a place beyond the list do not count.
    """
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    counted = int(np.searchsorted(ordered, len(names)))
    order, ordered = order[:counted], ordered[:counted]
    starts = np.flatnonzero(changes(ordered))
    sums = [_exact_sums(values[order], starts) for values in (stake, payout)]
    totals = [(names[code], *both) for code, *both in zip(ordered[starts], *sums, strict=True)]
    return Tally(counted, _clean(totals))


def _exact_sums(values: NDArray[np.int64], starts: NDArray[np.intp]) -> list[int]:
    if _cannot_overflow(values):
        sums: list[int] = np.add.reduceat(values, starts).tolist()
        return sums
    low = np.add.reduceat(values & ((1 << _HALF) - 1), starts).tolist()
    high = np.add.reduceat(values >> _HALF, starts).tolist()
    return [(above << _HALF) + below for above, below in zip(high, low, strict=True)]


def _cannot_overflow(values: NDArray[np.int64]) -> bool:
    if not len(values):
        return True
    largest = max(int(values.max()), -int(values.min()))
    return largest * len(values) < 2**63


def exact_sum(values: NDArray[np.int64]) -> int:
    """The sum of 64-bit integers as an unbounded one."""
    low = int((values & ((1 << _HALF) - 1)).sum())
    return (int((values >> _HALF).sum()) << _HALF) + low


def _summed(left: CurrencyTotals, right: CurrencyTotals, sign: int) -> CurrencyTotals:
    stakes = {name: [stake, payout] for name, stake, payout in left}
    for name, stake, payout in right:
        entry = stakes.setdefault(name, [0, 0])
        entry[0] += sign * stake
        entry[1] += sign * payout
    return _clean([(name, stake, payout) for name, (stake, payout) in stakes.items()])


def _clean(totals: list[tuple[str, int, int]]) -> CurrencyTotals:
    return tuple(sorted(entry for entry in totals if entry[1] or entry[2]))


@dataclass(frozen=True, slots=True)
class Identity:
    """Which rows were read: their count, and a hash that does not depend on their order."""

    rows: int
    mixed: int

    def __add__(self, other: "Identity") -> "Identity":
        return Identity(self.rows + other.rows, (self.mixed + other.mixed) % 2**64)

    def __str__(self) -> str:
        return f"{self.rows}:{self.mixed:016x}"


NOBODY = Identity(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideProof:
    """One side's rows, from what was read to where each of them ended. Parts of it add up.

    Attributes:
        source: records of the window, as first read.
        outside: records outside the window of the same rounds, or tied to rows of it.
        undone: amounts of records whose round another record rolled back.
        folded: records that joined another of their round in one row; rows only, no money.
        identity: hash over the rows of ``source``, whatever their order.
        beyond: the same over rows beyond the window that took part in the passes.
    """

    source: Tally = NOTHING
    outside: Tally = NOTHING
    undone: Tally = NOTHING
    folded: int = 0
    matched: Tally = NOTHING
    timing: Tally = NOTHING
    breaks: Tally = NOTHING
    excluded: Tally = NOTHING
    identity: Identity = NOBODY
    beyond: Identity = NOBODY

    def __add__(self, other: "SideProof") -> "SideProof":
        return SideProof(
            source=self.source + other.source,
            outside=self.outside + other.outside,
            undone=self.undone + other.undone,
            folded=self.folded + other.folded,
            matched=self.matched + other.matched,
            timing=self.timing + other.timing,
            breaks=self.breaks + other.breaks,
            excluded=self.excluded + other.excluded,
            identity=self.identity + other.identity,
            beyond=self.beyond + other.beyond,
        )

    @property
    def compared(self) -> Tally:
        """The rows that were compared: what the buckets must add up to."""
        known = self.source + self.outside - self.undone
        return Tally(known.rows - self.folded, known.totals)

    @property
    def holds(self) -> bool:
        """Whether every row and every minor unit is in exactly one bucket."""
        buckets = (self.matched, self.timing, self.breaks, self.excluded)
        return self.compared == reduce(Tally.__add__, buckets, NOTHING)


def prove(side: str, proof: SideProof) -> SideProof:
    """The proof itself, if it holds.

    Raises:
        Contradiction: a row or an amount went missing or appeared between the passes.
    """
    if not proof.holds:
        raise Contradiction(f"reconciliation does not conserve {side}: nothing is stored")
    return proof


def identity(frame: pd.DataFrame) -> Identity:
    """Which rows a KEYS frame holds, whatever their order."""
    names = ("match_key", "stake", "payout", "who")
    columns = [frame[name].to_numpy().view(np.uint64) for name in names]
    currency = frame["currency"]
    codes = pd.util.hash_array(np.asarray(currency.cat.categories, dtype=object))
    named = codes[currency.cat.codes.to_numpy()] + frame["odd"].to_numpy()
    return identity_of([*columns, named])


def identity_of(columns: Sequence[NDArray[np.uint64]]) -> Identity:
    """Which rows these columns of equal length make, whatever their order."""
    rows, total = len(columns[0]), 0
    for start in range(0, rows, BLOCK):
        mixed = np.zeros(1, dtype=np.uint64)
        for column in columns:
            mixed = _mix(mixed + column[start : start + BLOCK])
        total += int(mixed.sum(dtype=np.uint64))
    return Identity(rows, total % 2**64)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64: every input bit reaches every output bit."""
    mixed = values ^ (values >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def as_json(entry: Tally) -> dict[str, Any]:
    """A tally for a manifest: minor units as text, so that no reader rounds them."""
    totals = {
        name: {"stake": str(stake), "payout": str(payout)}
        for name, stake, payout in entry.totals
    }
    return {"rows": entry.rows, "totals_minor": totals}
