"""What each paired or one-sided round is: matched, timing, excluded, or a break of some kind.

Pure: the clock's reading and the maturity are passed in. ``difference`` is always what the
provider says the player should have, less what we gave, in minor units: positive means the
player is owed, negative that we are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

import pandas as pd

#: Why a one-sided round is no break: it moved nothing, so nothing can be missing.
MOVED_NOTHING = "moved nothing"


class Bucket(StrEnum):
    """Where a row ends; each in exactly one."""

    MATCHED = "matched"
    TIMING = "timing"
    BREAK = "break"
    EXCLUDED = "excluded"


class BreakKind(StrEnum):
    """How two books can disagree about one round; a closed set."""

    MISSING_IN_LEDGER = "missing_in_ledger"
    MISSING_AT_PROVIDER = "missing_at_provider"
    CURRENCY = "currency_mismatch"
    PLAYER = "player_mismatch"
    STAKE = "stake_mismatch"
    PAYOUT = "payout_mismatch"
    DUPLICATE_AT_PROVIDER = "duplicate_at_provider"
    DUPLICATE_IN_LEDGER = "duplicate_in_ledger"
    ARITHMETIC = "arithmetic_error"
    OPEN_OVERDUE = "open_round_overdue"


class Impact(StrEnum):
    """Who is owed the difference."""

    PLAYER_OWED = "player_owed"
    OPERATOR_OWED = "operator_owed"
    NONE = "none"


def impact_of(difference: int) -> Impact:
    """Who is owed, by the sign of a difference."""
    if difference == 0:
        return Impact.NONE
    return Impact.PLAYER_OWED if difference > 0 else Impact.OPERATOR_OWED


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Every pair with its bucket, and the breaks among them.

    Attributes:
        pairs: the frame given, with a column ``bucket``.
        breaks: the rows of ``pairs`` that break, once per kind, with columns ``kind`` and
            ``difference`` (int64), ordered by round, currency and kind.
    """

    pairs: pd.DataFrame
    breaks: pd.DataFrame


Flags: TypeAlias = "pd.Series[bool]"
Amounts: TypeAlias = "pd.Series[int]"
_Judge: TypeAlias = Callable[[pd.DataFrame], tuple[Flags, Amounts]]


def classify(pairs: pd.DataFrame, *, now: datetime, maturity: timedelta) -> Classified:
    """Judge every pair.

    ``pairs`` is what ``reconcile.match.pair`` returned. A one-sided round younger than
    ``maturity`` at ``now`` is timing, whatever else it holds.
    """
    one_sided = pairs["side"] != "both"
    still = one_sided & _moved_nothing(pairs)
    young = one_sided & ~still & (_instant(pairs) > pd.Timestamp(now - maturity))
    judged = pairs[~still & ~young]
    found = [_breaks_of(judged, kind) for kind in BreakKind]
    breaks = pd.concat(found).sort_values(["round_id", "currency", "kind"], ignore_index=True)
    broken = pairs.index.isin(pd.concat([part.index.to_series() for part in found]))
    bucket = pd.Series(str(Bucket.MATCHED), index=pairs.index, dtype="str")
    bucket = bucket.mask(still, Bucket.EXCLUDED).mask(young, Bucket.TIMING)
    return Classified(
        pairs=pairs.assign(bucket=bucket.mask(broken, Bucket.BREAK)), breaks=breaks
    )


def _breaks_of(pairs: pd.DataFrame, kind: BreakKind) -> pd.DataFrame:
    seen, difference = _JUDGES[kind](pairs)
    hit = pairs[seen]
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


def _otherwise_told(pairs: pd.DataFrame) -> Flags:
    """One-sided here, but the other side tells the same round in another currency."""
    sides = pairs.groupby("round_id")["side"]
    return (pairs["side"] != "both") & (sides.transform("nunique") > 1)


def _missing(side: str) -> _Judge:
    def judge(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
        seen = (pairs["side"] == side) & ~_otherwise_told(pairs)
        return seen, _net(pairs, "theirs") - _net(pairs, "ours")

    return judge


def _currency(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    return _otherwise_told(pairs), _net(pairs, "theirs") - _net(pairs, "ours")


def _player(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    several = _value(pairs, "players_ours").gt(1) | _value(pairs, "players_theirs").gt(1)
    differ = pairs["player_ours"] != pairs["player_theirs"]
    return (pairs["side"] == "both") & (several | differ), _nothing(pairs)


def _amount(column: str, sign: int) -> _Judge:
    def judge(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
        more = _value(pairs, f"{column}_theirs") - _value(pairs, f"{column}_ours")
        return (pairs["side"] == "both") & (more != 0), sign * more

    return judge


def _duplicate(side: str, sign: int) -> _Judge:
    def judge(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
        return _value(pairs, f"extras_{side}") > 0, sign * _extra_net(pairs, side)

    return judge


def _arithmetic(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    return pairs["wrong_theirs"].fillna(value=False).astype(bool), _nothing(pairs)


def _open_overdue(pairs: pd.DataFrame) -> tuple[Flags, Amounts]:
    """Never ended though its time is over; what it is worth is for the provider to say."""
    return pairs["overdue_ours"].fillna(value=False).astype(bool), _nothing(pairs)


def _nothing(pairs: pd.DataFrame) -> Amounts:
    return pd.Series(0, index=pairs.index, dtype="int64")


#: One judge per kind: which pairs it concerns, and the signed difference it explains. Over all
#: kinds of one round the differences add up to what the two sides really differ by.
_JUDGES: dict[BreakKind, _Judge] = {
    BreakKind.MISSING_IN_LEDGER: _missing("right_only"),
    BreakKind.MISSING_AT_PROVIDER: _missing("left_only"),
    BreakKind.CURRENCY: _currency,
    BreakKind.PLAYER: _player,
    BreakKind.STAKE: _amount("stake", -1),
    BreakKind.PAYOUT: _amount("payout", 1),
    BreakKind.DUPLICATE_AT_PROVIDER: _duplicate("theirs", 1),
    BreakKind.DUPLICATE_IN_LEDGER: _duplicate("ours", -1),
    BreakKind.ARITHMETIC: _arithmetic,
    BreakKind.OPEN_OVERDUE: _open_overdue,
}
