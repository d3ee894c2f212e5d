"""What each paired or one-sided round is: matched, timing, excluded, or a break of some kind.

Pure: the clock's reading and the ages are passed in. ``difference`` is always what the
provider says the player should have, less what we gave, in minor units: positive means the
player is owed, negative that we are.

A cause is told once. What one side misses as a whole is not told again as something about it;
a round that only one side took back is one ``status_mismatch``, not two wrong amounts; control
totals that a bet end named are only held against rounds whose amounts agree with
the provider's.
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
    instants,
    known,
    sort_places,
    text_of,
    texts,
    words,
)
from reconcile.snapshot.frames import PAIRS
from reconcile.snapshot.immature import is_young
from reconcile.snapshot.rules import BY_NAME, Rules
from vocabulary.maturity import MaturityAges, as_ages, longest_age

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)

#: Why a one-sided round is no break: it moved nothing, so nothing can be missing.
MOVED_NOTHING = "moved nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Every pair with its bucket, and the breaks among them.

    Attributes:
        pairs: the frame given.
        bucket: where each of them ended, as the place of the bucket among all buckets.
        residual: the difference that the rules' tolerance let pass, in minor units.
        breaks: the rows of ``pairs`` that break, once per kind, with columns ``kind`` and
            ``difference`` (int64), ordered by round, currency and kind.
    """

    pairs: pd.DataFrame
    bucket: NDArray[np.intp]
    residual: Amounts
    breaks: pd.DataFrame

    def told(self) -> pd.DataFrame:
        """The pairs, with ``bucket`` (its name) and ``residual`` as further columns."""
        named = text_of([str(bucket) for bucket in Bucket], self.bucket)
        return self.pairs.assign(bucket=named, residual=self.residual)


def classify(
    pairs: pd.DataFrame,
    *,
    now: datetime,
    maturity: MaturityAges | timedelta,
    rules: Rules = BY_NAME,
) -> Classified:
    """Judge every pair.

    ``pairs`` is a PAIRS frame with whole rounds in it. A one-sided round younger at ``now``
    than the longest age of what it holds is timing, whatever else there is about it. So is a
    round that both sides tell, where its amounts differ by young movements alone and nothing
    else is wrong with it.
    """
    facts = _Facts(PAIRS.check(pairs))
    one_sided = ~facts.both & (facts.text("tie") != GROUP)
    still = one_sided & facts.moved_nothing & ~facts.totals_differ
    young = one_sided & ~still & facts.younger(now, as_ages(maturity))
    facts.young = facts.young_in_part
    facts.passed = _tolerated(facts, rules)
    residual = np.where(facts.passed, facts.more("payout") - facts.more("stake"), 0)
    open_to_doubt = ~still & ~young
    judged = {kind: judge(facts) for kind, judge in _JUDGES.items()}
    found = {kind: (seen & open_to_doubt, more) for kind, (seen, more) in judged.items()}
    broken = np.logical_or.reduce([seen for seen, _ in found.values()])
    bucket = np.select([broken, still, young | facts.young], _PLACES[:3], _PLACES[3])
    return Classified(
        pairs=pairs, bucket=bucket, residual=residual, breaks=_breaks(pairs, found)
    )


#: The places of buckets among all of them: of breaks, of what is left out, of timing, and of
#: everything else.
_PLACES = [
    list(Bucket).index(each)
    for each in (Bucket.BREAK, Bucket.EXCLUDED, Bucket.TIMING, Bucket.MATCHED)
]


def _breaks(
    pairs: pd.DataFrame, found: Mapping[BreakKind, tuple[Flags, Amounts]]
) -> pd.DataFrame:
    """The rows that break, once per kind, in their order."""
    places = [np.flatnonzero(seen) for seen, _ in found.values()]
    at = np.concatenate(places)
    amounts = [more[rows] for (_, more), rows in zip(found.values(), places, strict=True)]
    codes = np.repeat(np.arange(len(found)), [len(rows) for rows in places])
    kinds = pa.array([str(kind) for kind in found], type=pa.large_string()).take(
        pa.array(codes)
    )
    names = {name: words(pairs[name]).take(at) for name in ("round_id", "currency")}
    order = sort_places(pa.table({**names, "kind": kinds}))
    rows = pairs.take(at[order]).reset_index(drop=True)
    return rows.assign(kind=texts(kinds.take(order)), difference=np.concatenate(amounts)[order])


class _Facts:
    """A PAIRS frame as arrays: what the judges ask of it, each asked of pandas only once.

    Attributes:
        both: rows that both sides tell.
        young: rows whose amounts differ by young movements alone; set before anything is
            judged.
        passed: rows whose difference the tolerance lets pass; the same.
    """

    def __init__(self, pairs: pd.DataFrame) -> None:
        self._pairs = pairs
        self._values: dict[str, Amounts] = {}
        self._texts: dict[str, NDArray[np.object_]] = {}
        self.both: Flags = self.text("side") == "both"
        self.young: Flags = np.zeros(len(pairs), dtype=bool)
        self.passed: Flags = np.zeros(len(pairs), dtype=bool)

    @property
    def nothing(self) -> Amounts:
        """No difference in any row."""
        return np.zeros(len(self._pairs), dtype=np.int64)

    def value(self, column: str) -> Amounts:
        """A number or flag of every row, 0 where it is absent."""
        if column not in self._values:
            told = self._pairs[column].to_numpy(dtype="int64", na_value=0)
            self._values[column] = told
        return self._values[column]

    def flag(self, column: str) -> Flags:
        """A flag of every row, False where it is absent."""
        return _flags(self.value(column) != 0)

    def text(self, column: str) -> NDArray[np.object_]:
        """A text of every row."""
        if column not in self._texts:
            self._texts[column] = self._pairs[column].to_numpy(dtype=object)
        return self._texts[column]

    def net(self, side: str, prefix: str = "") -> Amounts:
        """What a side paid out less what it took."""
        return self.value(f"{prefix}payout_{side}") - self.value(f"{prefix}stake_{side}")

    def more(self, column: str) -> Amounts:
        """What the provider tells beyond what we booked."""
        return self.value(f"{column}_theirs") - self.value(f"{column}_ours")

    @property
    def amounts_differ(self) -> Flags:
        """Stake or payout is not the same on both sides."""
        return _flags((self.more("stake") != 0) | (self.more("payout") != 0))

    @property
    def moved_nothing(self) -> Flags:
        """Neither side tells an amount."""
        moved = [
            self.flag(f"{column}_{side}")
            for column in ("stake", "payout", "extra_stake", "extra_payout")
            for side in ("ours", "theirs")
        ]
        return _flags(~np.logical_or.reduce(moved))

    def declared(self, column: str) -> Amounts:
        """What a bet end declared beyond what was booked; nothing where none did."""
        named = self._pairs[f"declared_{column}_ours"].notna().to_numpy()
        beyond = self.value(f"declared_{column}_ours") - self.value(f"{column}_ours")
        return np.where(named, beyond, 0)

    @property
    def totals_differ(self) -> Flags:
        """A bet end declared other amounts than were booked."""
        return _flags((self.declared("stake") != 0) | (self.declared("payout") != 0))

    @property
    def status_differs(self) -> Flags:
        """Only one side took the round back, and that makes a difference."""
        undone = self.flag("rolled_back_ours") != self.flag("rolled_back_theirs")
        return _flags(self.both & undone & self.amounts_differ & ~self.young)

    @property
    def young_in_part(self) -> Flags:
        """Told by both, and what one tells beyond the other is young."""
        told = [self._pairs[f"young_{side}"].fillna("") for side in ("ours", "theirs")]
        mine, yours = (each.to_numpy(dtype=object) for each in told)
        found = np.zeros(len(self._pairs), dtype=bool)
        asked = self.both & self.amounts_differ & ((mine != "") | (yours != ""))
        for at in np.flatnonzero(asked):
            stake, payout = (-int(self.more(name)[at]) for name in ("stake", "payout"))
            found[at] = is_young(mine[at], yours[at], stake, payout)
        return found

    @property
    def otherwise_told(self) -> Flags:
        """One-sided here, but the other side tells the same round in another currency."""
        return _flags(otherwise_told(self._pairs))

    def younger(self, now: datetime, ages: MaturityAges) -> Flags:
        """Rounds whose last sign of life is younger than what they hold has to be."""
        mine, yours = (instants(self._pairs[f"at_{side}"]) for side in ("ours", "theirs"))
        ours = known(self._pairs["records_ours"])
        held = np.where(ours, self.value("holds_ours"), self.value("holds_theirs"))
        since = np.array([(now - longest_age(n, ages) - _EPOCH) // _US for n in range(8)])
        return _flags(np.where(ours, mine, yours) > since[held])


def _flags(told: object) -> Flags:
    return np.asarray(told, dtype=bool)


_Judge: TypeAlias = Callable[[_Facts], tuple[Flags, Amounts]]


def otherwise_told(pairs: pd.DataFrame) -> Flags:
    """One-sided here, but the other side tells the same round in another currency."""
    rounds = words(pairs["round_id"]).dictionary_encode()
    codes = rounds.indices.to_numpy()
    if len(rounds.dictionary) == len(codes):
        return np.zeros(len(codes), dtype=bool)
    sides = pairs["side"].to_numpy(dtype=object)
    told = [
        np.bincount(codes, weights=sides == side, minlength=len(rounds.dictionary)) > 0
        for side in ("both", "ours", "theirs")
    ]
    several = np.add.reduce(np.array(told, dtype=np.intp)) > 1
    return _flags((sides != "both") & several[codes])


def _tolerated(facts: _Facts, rules: Rules) -> Flags:
    """Rounds whose amounts differ, by no more than the tolerance."""
    if not rules.tolerance:
        return facts.passed
    codes = facts.text("currency")
    most = np.array([rules.tolerance.get(str(code), 0) for code in codes], dtype=np.int64)
    small = facts.both & ~facts.status_differs & ~facts.young
    for column in ("stake", "payout"):
        small &= np.abs(facts.more(column)) <= most
    return small & facts.amounts_differ


def _missing(side: str) -> _Judge:
    def judge(facts: _Facts) -> tuple[Flags, Amounts]:
        seen = (facts.text("side") == side) & (facts.text("tie") == "")
        seen &= ~facts.otherwise_told & ~facts.moved_nothing
        return seen, facts.net("theirs") - facts.net("ours")

    return judge


def _currency(facts: _Facts) -> tuple[Flags, Amounts]:
    seen = facts.otherwise_told & (facts.text("tie") == "")
    return seen, facts.net("theirs") - facts.net("ours")


def _player(facts: _Facts) -> tuple[Flags, Amounts]:
    several = (facts.value("players_ours") > 1) | (facts.value("players_theirs") > 1)
    differ = facts.text("player_ours") != facts.text("player_theirs")
    return facts.both & (several | differ), facts.nothing


def _ambiguous(facts: _Facts) -> tuple[Flags, Amounts]:
    seen = ~facts.both & (facts.text("tie") == AMBIGUOUS)
    return seen, facts.net("theirs") - facts.net("ours")


def _status(facts: _Facts) -> tuple[Flags, Amounts]:
    return facts.status_differs, facts.net("theirs") - facts.net("ours")


def _amount(column: str, sign: int) -> _Judge:
    def judge(facts: _Facts) -> tuple[Flags, Amounts]:
        more = facts.more(column)
        seen = facts.both & (more != 0) & ~facts.status_differs & ~facts.passed & ~facts.young
        return seen, sign * more

    return judge


def _round_total(facts: _Facts) -> tuple[Flags, Amounts]:
    """A bet end's control totals against what was booked, where both books agree on that."""
    agreed = ~facts.amounts_differ | (facts.text("tie") == GROUP)
    return agreed & facts.totals_differ, facts.declared("payout") - facts.declared("stake")


def _duplicate(side: str, sign: int) -> _Judge:
    def judge(facts: _Facts) -> tuple[Flags, Amounts]:
        return facts.value(f"extras_{side}") > 0, sign * facts.net(side, "extra_")

    return judge


def _arithmetic(facts: _Facts) -> tuple[Flags, Amounts]:
    return facts.flag("wrong_theirs"), facts.nothing


def _open_overdue(facts: _Facts) -> tuple[Flags, Amounts]:
    """Never ended though its time is over; what it is worth is for the provider to say."""
    told = facts.both | (facts.text("tie") != "")
    return facts.flag("overdue_ours") & told, facts.nothing


#: One judge per kind: which pairs it concerns, and the signed difference it explains. Over all
#: kinds of ``OF_BOOKS`` the differences of one round add up to what the two sides differ by.
_JUDGES: dict[BreakKind, _Judge] = {
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
