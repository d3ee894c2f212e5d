"""Passes for rows that no name ties: one-to-one by what the rows hold.

They look at one-sided rows only, and never across (player, currency), which is therefore their
partition. Most certain first:

``balances``    player, currency, amounts and the balance before the round are equal;
``attributes``  the same without the balance: whom a surplus row belongs to may stay ambiguous;
``place``       player, currency and the balance before are equal, and one of the amounts: the
                same round told with another amount. Only where nothing else shares the place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reconcile.assign import Places, assign
from reconcile.frames import PAIRS
from reconcile.rules import Rules

BALANCES = "balances"
ATTRIBUTES = "attributes"
PLACE = "place"
#: The tie of a row left over of which nobody can say whether it is the one left over.
AMBIGUOUS = "ambiguous"

#: The same as long as a pass is to come that may still tie it.
UNSURE = "unsure"
#: The ties of rows that a pass may tie.
FREE = ("", UNSURE)

_AMOUNTS = ("stake", "payout")
_US = pd.Timedelta(microseconds=1)


def by_balances(pairs: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Tie rows equal in player, currency, amounts and balance before the round."""
    return _tied(pairs, rules, (*_AMOUNTS, "balance_before"), BALANCES)


def by_attributes(pairs: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Tie rows equal in player, currency and amounts."""
    return _tied(pairs, rules, _AMOUNTS, ATTRIBUTES)


def by_place(pairs: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Tie rows alone at one place of the balance chain that share one of the amounts."""
    met = _Met(pairs, ("balance_before",), rules)
    first, second = met.alone(rules)
    shares = [
        met.values(name, "ours")[first] == met.values(name, "theirs")[second]
        for name in _AMOUNTS
    ]
    same = shares[0] | shares[1]
    return _fused(pairs, met.ours[first[same]], met.theirs[second[same]], PLACE)


def _tied(pairs: pd.DataFrame, rules: Rules, columns: Sequence[str], name: str) -> pd.DataFrame:
    met = _Met(pairs, columns, rules)
    found = met.assigned(rules)
    tied = _fused(pairs, met.ours[found.first], met.theirs[found.second], name)
    unsure = np.concatenate([met.ours[found.unsure_first], met.theirs[found.unsure_second]])
    names = pairs.loc[unsure, ["round_id", "currency"]]
    marks = pd.MultiIndex.from_frame(tied[["round_id", "currency"]]).isin(
        pd.MultiIndex.from_frame(names)
    )
    marks |= tied["tie"] == UNSURE
    # What is left here may have further chances; only the last pass may call it ambiguous.
    mark = AMBIGUOUS if name == ATTRIBUTES else UNSURE
    return tied.assign(tie=tied["tie"].mask(marks & (tied["side"] != "both"), mark))


@dataclass(frozen=True, slots=True)
class _Found:
    first: Places
    second: Places
    unsure_first: Places
    unsure_second: Places


class _Met:
    """One-sided rows of both sides, gathered where they are alike.

    Attributes:
        ours, theirs: labels of the rows of either side, ordered by likeness, instant and name.
    """

    def __init__(self, pairs: pd.DataFrame, columns: Sequence[str], rules: Rules) -> None:
        self._pairs = PAIRS.check(pairs)
        self._columns = columns
        sides = [self._likes("ours"), self._likes("theirs")]
        together = pd.concat(sides)
        alike = ["player", "currency", *columns]
        together["code"] = together.groupby(alike, sort=True).ngroup()
        together = together.sort_values(["code", "at", "round_id"])
        # Alike and on another day is no likeness: no pass ties across such a pause.
        other = together["code"].diff() != 0
        together["code"] = (other | (together["at"].diff() > rules.within_us)).cumsum()
        mine, yours = (
            together[together["side"] == side].sort_values(["code", "at", "round_id"])
            for side in ("ours", "theirs")
        )
        self.ours, self.theirs = mine.index.to_numpy(), yours.index.to_numpy()
        self._codes = mine["code"].to_numpy(), yours["code"].to_numpy()
        self._at = mine["at"].to_numpy(), yours["at"].to_numpy()

    def _likes(self, side: str) -> pd.DataFrame:
        pairs = self._pairs
        rows = pairs[(pairs["side"] == side) & pairs["tie"].isin(FREE)]
        # A line told twice is a finding of its own, and two players cannot be one.
        rows = rows[(rows[f"extras_{side}"] == 0) & (rows[f"players_{side}"] == 1)]
        for column in self._columns:
            rows = rows[rows[f"{column}_{side}"].notna()]
        told = {name: rows[f"{name}_{side}"] for name in ("player", *self._columns)}
        at = (rows[f"began_{side}"] - pd.Timestamp(0, tz="UTC")) // _US
        named = {name: rows[name] for name in ("currency", "round_id", "side")}
        return pd.DataFrame({**told, **named, "at": at})

    def values(self, column: str, side: str) -> NDArray[np.int64]:
        """One amount of every row of a side, in this order."""
        labels = self.ours if side == "ours" else self.theirs
        values: NDArray[np.int64] = (
            self._pairs.loc[labels, f"{column}_{side}"].astype("int64").to_numpy()
        )
        return values

    def alone(self, rules: Rules) -> tuple[Places, Places]:
        """Places of rows that are the only ones of their side that are alike."""
        first, second = self._single()
        near = np.abs(self._at[0][first] - self._at[1][second]) <= rules.within_us
        return first[near], second[near]

    def assigned(self, rules: Rules) -> _Found:
        """The assignment over everything alike."""
        first, second = self.alone(rules)
        parts = [_Found(first, second, _NOWHERE, _NOWHERE), *self._crowds(rules)]
        return _Found(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("first", "second", "unsure_first", "unsure_second")
            )
        )

    def _single(self) -> tuple[Places, Places]:
        alone = [_once(codes) for codes in self._codes]
        both = np.intersect1d(self._codes[0][alone[0]], self._codes[1][alone[1]])
        first, second = (np.searchsorted(codes, both) for codes in self._codes)
        return first, second

    def _crowds(self, rules: Rules) -> Iterator[_Found]:
        mine, yours = self._codes
        alone = np.intersect1d(mine[_once(mine)], yours[_once(yours)])
        for code in np.setdiff1d(np.intersect1d(mine, yours), alone):
            (a, to_a), (b, to_b) = (
                np.searchsorted(codes, [code, code + 1]) for codes in (mine, yours)
            )
            found = assign(
                self._at[0][a:to_a],
                self._at[1][b:to_b],
                within=rules.within_us,
                clear_by=rules.clear_by_us,
            )
            yield _Found(
                found.first + a,
                found.second + b,
                found.unsure_first + a,
                found.unsure_second + b,
            )


_NOWHERE: Places = np.zeros(0, dtype=np.intp)


def _once(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a sorted code appears just once."""
    alone = np.ones(len(codes), dtype=bool)
    same = codes[1:] == codes[:-1]
    alone[1:] &= ~same
    alone[:-1] &= ~same
    return alone


def _fused(pairs: pd.DataFrame, ours: Places, theirs: Places, name: str) -> pd.DataFrame:
    """Rows of either side made one; the round keeps our name, ``alias`` keeps theirs."""
    mine, yours = pairs.loc[ours], pairs.loc[theirs]
    told = {
        column: yours[column].set_axis(mine.index)
        for column in pairs.columns
        if column.endswith("_theirs")
    }
    alias = yours["round_id"].set_axis(mine.index)
    fused = mine.assign(**told, alias=alias, side="both", tie=name)
    rest = pairs.drop(index=[*ours, *theirs])
    return PAIRS.check(pd.concat([rest, fused.astype(pairs.dtypes.to_dict())]))
