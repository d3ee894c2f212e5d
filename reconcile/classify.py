"""What each paired or one-sided round is: matched, timing, excluded, or a break of some kind.

Pure: the clock's reading and the maturity are passed in. ``difference`` is always what the
provider says the player should have, less what we gave, in minor units: positive means the
player is owed, negative that we are.

A cause is told once. What one side misses as a whole is not told again as something about it;
a round that only one side took back is one ``status_mismatch``, not two wrong amounts; control
totals that a bet end named are only held against rounds whose amounts agree with
the provider's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import pandas as pd

from reconcile.frames import PAIRS
from reconcile.kinds import BreakKind, Bucket
from reconcile.pass_attributes import AMBIGUOUS
from reconcile.pass_groups import GROUP
from reconcile.rules import BY_NAME, Rules

#: Why a one-sided round is no break: it moved nothing, so nothing can be missing.
MOVED_NOTHING = "moved nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Every pair with its bucket, and the breaks among them.

    Attributes:
        pairs: the frame given, with columns ``bucket`` and ``residual``: the difference that
            the rules' tolerance let pass, in minor units.
        breaks: the rows of ``pairs`` that break, once per kind, with columns ``kind`` and
            ``difference`` (int64), ordered by round, currency and kind.
    """

    pairs: pd.DataFrame
    breaks: pd.DataFrame


Flags: TypeAlias = "pd.Series[bool]"
Amounts: TypeAlias = "pd.Series[int]"
_Judge: TypeAlias = Callable[[pd.DataFrame], tuple[Flags, Amounts]]


def classify(
    pairs: pd.DataFrame, *, now: datetime, maturity: timedelta, rules: Rules = BY_NAME
) -> Classified:
    """Judge every pair.

    ``pairs`` is a PAIRS frame with whole rounds in it. A one-sided round younger than
    ``maturity`` at ``now`` is timing, whatever else it holds.
    """
    PAIRS.check(pairs)
    one_sided = (pairs["side"] != "both") & (pairs["tie"] != GROUP)
    still = one_sided & _moved_nothing(pairs) & ~_totals_differ(pairs)
    young = one_sided & ~still & (_instant(pairs) > pd.Timestamp(now - maturity))
    residual = _tolerated(pairs, rules)
    judged = pairs.assign(tolerated=residual != 0)[~still & ~young]
    found = [_breaks_of(judged, kind) for kind in _JUDGES]
    together = pd.concat([part for part in found if len(part)] or found[:1])
    broken = pairs.index.isin(together.index)
    breaks = together.sort_values(["round_id", "currency", "kind"], ignore_index=True)
    bucket = pd.Series(str(Bucket.MATCHED), index=pairs.index, dtype="str")
    bucket = bucket.mask(still, Bucket.EXCLUDED).mask(young, Bucket.TIMING)
    told = pairs.assign(bucket=bucket.mask(broken, Bucket.BREAK), residual=residual)
    return Classified(pairs=told, breaks=breaks)


def _tolerated(pairs: pd.DataFrame, rules: Rules) -> Amounts:
    """The net difference of rounds whose amounts differ by no more than the tolerance."""
    if not rules.tolerance:
        return _nothing(pairs)
    most = pairs["currency"].map(rules.tolerance).fillna(0).astype("int64")
    gaps = [_more(pairs, column) for column in ("stake", "payout")]
    small = (pairs["side"] == "both") & ~_status_differs(pairs)
    for gap in gaps:
        small &= gap.abs() <= most
    return (gaps[1] - gaps[0]).where(small, 0)


def _breaks_of(pairs: pd.DataFrame, kind: BreakKind) -> pd.DataFrame:
    seen, difference = _JUDGES[kind](pairs)
    hit = pairs[seen] if seen.any() else pairs.head(0)
    return hit.assign(kind=str(kind), difference=difference[seen].astype("int64"))


def _value(pairs: pd.DataFrame, column: str) -> Amounts:
    return pairs[column].fillna(0).astype("int64")


def _instant(pairs: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    return pairs["at_ours"].fillna(pairs["at_theirs"])


def _moved_nothing(pairs: pd.DataFrame) -> Flags:
    moved = [
        _value(pairs, f"{column}_{side}") != 0
        for column in ("stake", "payout", "extra_stake", "extra_payout")
        for side in ("ours", "theirs")
    ]
    return ~pd.concat(moved, axis=1).any(axis=1)


def _net(pairs: pd.DataFrame, side: str) -> Amounts:
    return _value(pairs, f"payout_{side}") - _value(pairs, f"stake_{side}")


def _extra_net(pairs: pd.DataFrame, side: str) -> Amounts:
    return _value(pairs, f"extra_payout_{side}") - _value(pairs, f"extra_stake_{side}")


def otherwise_told(pairs: pd.DataFrame) -> Flags:
    """One-sided here, but the other side tells the same round in another currency."""
    sides = pairs.groupby("round_id")["side"]
    return (pairs["side"] != "both") & (sides.transform("nunique") > 1)


def _missing(side: str) -> _Judge:
    def judge(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
        seen = (pairs["side"] == side) & (pairs["tie"] == "") & ~otherwise_told(pairs)
        seen &= ~_moved_nothing(pairs)
        return seen, _net(pairs, "theirs") - _net(pairs, "ours")

    return judge


def _currency(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    seen = otherwise_told(pairs) & (pairs["tie"] == "")
    return seen, _net(pairs, "theirs") - _net(pairs, "ours")


def _player(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    several = _value(pairs, "players_ours").gt(1) | _value(pairs, "players_theirs").gt(1)
    differ = pairs["player_ours"] != pairs["player_theirs"]
    return (pairs["side"] == "both") & (several | differ), _nothing(pairs)


def _ambiguous(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    seen = (pairs["side"] != "both") & (pairs["tie"] == AMBIGUOUS)
    return seen, _net(pairs, "theirs") - _net(pairs, "ours")


def _more(pairs: pd.DataFrame, column: str) -> Amounts:
    return _value(pairs, f"{column}_theirs") - _value(pairs, f"{column}_ours")


def _flag(pairs: pd.DataFrame, column: str) -> Flags:
    return pairs[column].fillna(value=False).astype(bool)


def _status_differs(pairs: pd.DataFrame) -> Flags:
    """Only one side took the round back, and that makes a difference."""
    undone = _flag(pairs, "rolled_back_ours") != _flag(pairs, "rolled_back_theirs")
    differs = (_more(pairs, "stake") != 0) | (_more(pairs, "payout") != 0)
    return (pairs["side"] == "both") & undone & differs


def _status(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    return _status_differs(pairs), _net(pairs, "theirs") - _net(pairs, "ours")


def _amount(column: str, sign: int) -> _Judge:
    def judge(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
        more = _more(pairs, column)
        told = ~_status_differs(pairs) & ~pairs["tolerated"]
        return (pairs["side"] == "both") & (more != 0) & told, sign * more

    return judge


def _declared(pairs: pd.DataFrame, column: str) -> Amounts:
    """What a bet end declared beyond what was booked; nothing where none did."""
    booked = _value(pairs, f"{column}_ours")
    return pairs[f"declared_{column}_ours"].fillna(booked).astype("int64") - booked


def _totals_differ(pairs: pd.DataFrame) -> Flags:
    return (_declared(pairs, "stake") != 0) | (_declared(pairs, "payout") != 0)


def _round_total(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    """A bet end's control totals against what was booked, where both books agree on that."""
    agreed = (_more(pairs, "stake") == 0) & (_more(pairs, "payout") == 0)
    agreed |= pairs["tie"] == GROUP
    return agreed & _totals_differ(pairs), _declared(pairs, "payout") - _declared(
        pairs, "stake"
    )


def _duplicate(side: str, sign: int) -> _Judge:
    def judge(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
        return _value(pairs, f"extras_{side}") > 0, sign * _extra_net(pairs, side)

    return judge


def _arithmetic(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    return _flag(pairs, "wrong_theirs"), _nothing(pairs)


def _open_overdue(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    """Never ended though its time is over; what it is worth is for the provider to say."""
    told = (pairs["side"] == "both") | (pairs["tie"] != "")
    return _flag(pairs, "overdue_ours") & told, _nothing(pairs)


def _nothing(pairs: pd.DataFrame) -> Amounts:
    return pd.Series(0, index=pairs.index, dtype="int64")


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
