"""Classify every round: matched, timing, excluded, or a break of some kind.

This module is pure: the run's instant and rules are passed in. A ``difference`` is
always what the provider says the player should have, less what we gave, in minor units. It is
positive if the player is owed money, and negative if we are.

One cause makes one break. A round that is missing as a whole gets no further break about its
contents. A round that only one side rolled back is one ``status_mismatch`` and not two wrong
amounts. Control totals of a bet end are compared only for rounds whose amounts agree with the
provider's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from breaks.kinds import BreakKind, Bucket
from reconcile.matching.attributes import AMBIGUOUS
from reconcile.matching.groups import GROUP
from reconcile.snapshot.arrays import (
    Amounts,
    Flags,
    arrow_text,
    integers,
    microseconds,
    present,
    sort_order,
    text_column,
    text_from_codes,
    texts,
)
from reconcile.snapshot.columns import Columns, Rows, taken_texts
from reconcile.snapshot.frames import PAIRS
from reconcile.snapshot.immature import explained_by_immature
from reconcile.snapshot.rules import MatchContext, Rules
from vocabulary.maturity import MaturityAges, as_ages, longest_age

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Every pair with its bucket, and the breaks among them.

    Attributes:
        pairs: the columns that were classified.
        bucket: the number of each pair's bucket among all buckets.
        residual: the difference that the tolerance accepted, in minor units.
        immature: flags rows of both sides whose amounts differ by immature movements alone;
            they break if something else is wrong with them.
        break_rows: the rows of ``pairs`` that break, once per kind, with columns ``kind`` and
            ``difference`` (int64), ordered by round, currency and kind.
    """

    pairs: Columns
    bucket: NDArray[np.intp]
    residual: Amounts
    immature: Flags
    break_rows: Columns

    @property
    def breaks(self) -> pd.DataFrame:
        """The rows that break as a frame."""
        return self.break_rows.frame()

    def as_frame(self) -> pd.DataFrame:
        """Return the pairs with ``bucket`` (its name), ``residual`` and ``immature``."""
        names = text_from_codes([str(bucket) for bucket in Bucket], self.bucket)
        return self.pairs.assign(
            bucket=names, residual=self.residual, immature=self.immature
        ).frame()


def classify(rows: Rows, context: MatchContext) -> Classified:
    """Classify every pair of PAIRS rows of whole rounds.

    A one-sided round is timing if it is younger than the longest age of the operations it
    holds, whatever else is wrong with it. A round on both sides is timing if its amounts differ
    by immature movements alone and nothing else is wrong with it.
    """
    pairs = PAIRS.check(Columns.of(rows))
    facts = _Facts(pairs)
    one_sided = ~facts.both & (facts.text("tie") != GROUP)
    no_movement = one_sided & facts.moved_nothing & ~facts.totals_differ
    immature = one_sided & ~no_movement & facts.younger(context.now, as_ages(context.maturity))
    facts.immature = facts.differs_by_immature
    facts.accepted = _accepted(facts, context.rules)
    residual = np.where(facts.accepted, facts.excess("payout") - facts.excess("stake"), 0)
    may_break = ~no_movement & ~immature
    checked = {kind: check(facts) for kind, check in _CHECKS.items()}
    broken = {kind: (flags & may_break, amounts) for kind, (flags, amounts) in checked.items()}
    any_broken = np.logical_or.reduce([flags for flags, _ in broken.values()])
    timing = immature | facts.immature
    bucket = np.select([any_broken, no_movement, timing], _BUCKETS[:3], _BUCKETS[3])
    return Classified(
        pairs=pairs,
        bucket=bucket,
        residual=residual,
        immature=facts.immature,
        break_rows=_break_rows(pairs, broken),
    )


#: The numbers of the buckets that ``classify`` chooses from, in its order of precedence.
_BUCKETS = [
    list(Bucket).index(bucket)
    for bucket in (Bucket.BREAK, Bucket.EXCLUDED, Bucket.TIMING, Bucket.MATCHED)
]


def _break_rows(pairs: Columns, broken: Mapping[BreakKind, tuple[Flags, Amounts]]) -> Columns:
    """Return the rows that break, once per kind, ordered."""
    by_kind = [np.flatnonzero(flags) for flags, _ in broken.values()]
    positions = np.concatenate(by_kind)
    differences = np.concatenate(
        [amounts[rows] for (_, amounts), rows in zip(broken.values(), by_kind, strict=True)]
    )
    codes = np.repeat(np.arange(len(broken)), [len(rows) for rows in by_kind])
    all_kinds = pa.array([str(kind) for kind in broken], type=pa.large_string())
    kinds = taken_texts(all_kinds, codes)
    names = {
        name: taken_texts(arrow_text(pairs[name]), positions)
        for name in ("round_id", "currency")
    }
    order = sort_order(pa.table({**names, "kind": kinds}))
    rows = pairs.take(positions[order])
    return rows.assign(
        kind=text_column(taken_texts(kinds, order)), difference=differences[order]
    )


class _Facts:
    """The columns of PAIRS rows as plain arrays, and the facts that the checks share.

    Attributes:
        both: rows that both sides have.
        immature: rows whose amounts differ by immature movements alone; set before the checks.
        accepted: rows whose difference the tolerance accepts; set before the checks.
    """

    def __init__(self, pairs: Columns) -> None:
        self._pairs = pairs
        self._values: dict[str, Amounts] = {}
        self._texts: dict[str, NDArray[np.object_]] = {}
        self.both: Flags = self.text("side") == "both"
        self.immature: Flags = np.zeros(len(pairs), dtype=bool)
        self.accepted: Flags = np.zeros(len(pairs), dtype=bool)

    @property
    def zeros(self) -> Amounts:
        """No difference in any row."""
        return np.zeros(len(self._pairs), dtype=np.int64)

    def value(self, column: str) -> Amounts:
        """Return a number or flag of every row; a null is 0."""
        if column not in self._values:
            self._values[column] = integers(self._pairs[column])
        return self._values[column]

    def flag(self, column: str) -> Flags:
        """Return a flag of every row; a null is False."""
        return _flags(self.value(column) != 0)

    def text(self, column: str) -> NDArray[np.object_]:
        """Return a text of every row."""
        if column not in self._texts:
            self._texts[column] = texts(self._pairs[column])
        return self._texts[column]

    def net(self, side: str, prefix: str = "") -> Amounts:
        """Return the payout of a side less its stake."""
        return self.value(f"{prefix}payout_{side}") - self.value(f"{prefix}stake_{side}")

    def excess(self, column: str) -> Amounts:
        """Return how much the provider reports beyond what we booked."""
        return self.value(f"{column}_theirs") - self.value(f"{column}_ours")

    @property
    def amounts_differ(self) -> Flags:
        """Stake or payout differs between the sides."""
        return _flags((self.excess("stake") != 0) | (self.excess("payout") != 0))

    @property
    def moved_nothing(self) -> Flags:
        """Neither side has an amount."""
        moved = [
            self.flag(f"{column}_{side}")
            for column in ("stake", "payout", "extra_stake", "extra_payout")
            for side in ("ours", "theirs")
        ]
        return _flags(~np.logical_or.reduce(moved))

    def declared_excess(self, column: str) -> Amounts:
        """Return how much a bet end declared beyond what was booked; 0 if it did not."""
        declared = present(self._pairs[f"declared_{column}_ours"])
        excess = self.value(f"declared_{column}_ours") - self.value(f"{column}_ours")
        return np.where(declared, excess, 0)

    @property
    def totals_differ(self) -> Flags:
        """A bet end declared other amounts than were booked."""
        stake, payout = self.declared_excess("stake"), self.declared_excess("payout")
        return _flags((stake != 0) | (payout != 0))

    @property
    def status_differs(self) -> Flags:
        """Only one side rolled the round back, and that changes the amounts."""
        one_undone = self.flag("rolled_back_ours") != self.flag("rolled_back_theirs")
        return _flags(self.both & one_undone & self.amounts_differ & ~self.immature)

    @property
    def differs_by_immature(self) -> Flags:
        """Both sides have the round, and immature movements explain their difference."""
        ours, theirs = (
            texts(self._pairs[f"immature_{side}"].fillna("")) for side in ("ours", "theirs")
        )
        explained = np.zeros(len(self._pairs), dtype=bool)
        candidates = self.both & self.amounts_differ & ((ours != "") | (theirs != ""))
        for row in np.flatnonzero(candidates):
            stake, payout = (-int(self.excess(name)[row]) for name in ("stake", "payout"))
            explained[row] = explained_by_immature(ours[row], theirs[row], stake, payout)
        return explained

    @property
    def in_other_currency(self) -> Flags:
        """One-sided, but the other side has the round in another currency."""
        return in_other_currency(self._pairs)

    def younger(self, now: datetime, ages: MaturityAges) -> Flags:
        """Flag the rounds whose last activity is younger than their operations' longest age."""
        ours, theirs = (microseconds(self._pairs[f"at_{side}"]) for side in ("ours", "theirs"))
        is_ours = present(self._pairs["records_ours"])
        holds = np.where(is_ours, self.value("holds_ours"), self.value("holds_theirs"))
        since = np.array([(now - longest_age(n, ages) - _EPOCH) // _US for n in range(8)])
        return _flags(np.where(is_ours, ours, theirs) > since[holds])


def _flags(values: object) -> Flags:
    return np.asarray(values, dtype=bool)


#: Flags the rows with a break of one kind, and returns the difference that the break explains.
_Check: TypeAlias = Callable[[_Facts], tuple[Flags, Amounts]]


def in_other_currency(pairs: Rows) -> Flags:
    """Flag one-sided rows whose round the other side has in another currency."""
    if len(pairs) < 2:
        return np.zeros(len(pairs), dtype=bool)
    rounds = arrow_text(pairs["round_id"]).dictionary_encode()
    codes = rounds.indices.to_numpy()
    if len(rounds.dictionary) == len(codes):
        return np.zeros(len(codes), dtype=bool)
    sides = texts(pairs["side"])
    appears = [
        np.bincount(codes, weights=sides == side, minlength=len(rounds.dictionary)) > 0
        for side in ("both", "ours", "theirs")
    ]
    several = np.add.reduce(np.array(appears, dtype=np.intp)) > 1
    return _flags((sides != "both") & several[codes])


def _accepted(facts: _Facts, rules: Rules) -> Flags:
    """Flag the rounds whose amounts differ by no more than the tolerance."""
    if not rules.tolerance:
        return facts.accepted
    codes = facts.text("currency")
    limit = np.array([rules.tolerance.get(str(code), 0) for code in codes], dtype=np.int64)
    small = facts.both & ~facts.status_differs & ~facts.immature
    for column in ("stake", "payout"):
        small &= np.abs(facts.excess(column)) <= limit
    return small & facts.amounts_differ


def _missing(side: str) -> _Check:
    def check(facts: _Facts) -> tuple[Flags, Amounts]:
        flags = (facts.text("side") == side) & (facts.text("tie") == "")
        flags &= ~facts.in_other_currency & ~facts.moved_nothing
        return flags, facts.net("theirs") - facts.net("ours")

    return check


def _currency(facts: _Facts) -> tuple[Flags, Amounts]:
    flags = facts.in_other_currency & (facts.text("tie") == "")
    return flags, facts.net("theirs") - facts.net("ours")


def _player(facts: _Facts) -> tuple[Flags, Amounts]:
    several = (facts.value("players_ours") > 1) | (facts.value("players_theirs") > 1)
    differ = facts.text("player_ours") != facts.text("player_theirs")
    return facts.both & (several | differ), facts.zeros


def _ambiguous(facts: _Facts) -> tuple[Flags, Amounts]:
    flags = ~facts.both & (facts.text("tie") == AMBIGUOUS)
    return flags, facts.net("theirs") - facts.net("ours")


def _status(facts: _Facts) -> tuple[Flags, Amounts]:
    return facts.status_differs, facts.net("theirs") - facts.net("ours")


def _amount(column: str, sign: int) -> _Check:
    def check(facts: _Facts) -> tuple[Flags, Amounts]:
        excess = facts.excess(column)
        flags = facts.both & (excess != 0)
        flags &= ~facts.status_differs & ~facts.accepted & ~facts.immature
        return flags, sign * excess

    return check


def _round_total(facts: _Facts) -> tuple[Flags, Amounts]:
    """Compare the control totals of a bet end with what both sides agree was booked."""
    agreed = ~facts.amounts_differ | (facts.text("tie") == GROUP)
    difference = facts.declared_excess("payout") - facts.declared_excess("stake")
    return agreed & facts.totals_differ, difference


def _duplicate(side: str, sign: int) -> _Check:
    def check(facts: _Facts) -> tuple[Flags, Amounts]:
        return facts.value(f"extras_{side}") > 0, sign * facts.net(side, "extra_")

    return check


def _arithmetic(facts: _Facts) -> tuple[Flags, Amounts]:
    return facts.flag("wrong_theirs"), facts.zeros


def _open_overdue(facts: _Facts) -> tuple[Flags, Amounts]:
    """Find rounds that never ended in time; only the provider can say what they are worth."""
    matched = facts.both | (facts.text("tie") != "")
    return facts.flag("overdue_ours") & matched, facts.zeros


#: One check per kind. Over all kinds of ``OF_BOOKS``, the differences of a round add up to the
#: difference between the two sides.
_CHECKS: dict[BreakKind, _Check] = {
    BreakKind.MISSING_IN_LEDGER: _missing("theirs"),
    BreakKind.MISSING_AT_PROVIDER: _missing("ours"),
    BreakKind.CURRENCY: _currency,
    BreakKind.AMBIGUOUS: _ambiguous,
    BreakKind.STATUS: _status,
    BreakKind.STAKE: _amount("stake", -1),
    BreakKind.PAYOUT: _amount("payout", 1),
    BreakKind.DUPLICATE_AT_PROVIDER: _duplicate("theirs", 1),
    BreakKind.DUPLICATE_IN_LEDGER: _duplicate("ours", -1),
    BreakKind.PLAYER: _player,
    BreakKind.ARITHMETIC: _arithmetic,
    BreakKind.ROUND_TOTAL: _round_total,
    BreakKind.OPEN_OVERDUE: _open_overdue,
}
