"""The passes that put rows of either side together, most certain first.

``agree`` joins sorted 64-bit keys and lets go only of pairs that are equal in everything; the
rest is looked at by name. ``pair`` joins whole rounds by their text. Neither loses a row: what
goes in is what comes out, counted and summed.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reconcile.conserve import Tally, tally
from reconcile.frames import KEYS, VIEW

Keys = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What the exact pass made of the keys.

    Attributes:
        pairs: keys of the rows that agree in amounts, currency and player, sorted.
        matched: their tally, the same on both sides.
        ours_left, theirs_left: every other row.
        ours_remains, theirs_remains: their tallies.
        residual: the keys of all rows left, sorted, each once.
    """

    pairs: Keys
    matched: Tally
    ours_left: pd.DataFrame
    theirs_left: pd.DataFrame
    ours_remains: Tally
    theirs_remains: Tally
    residual: Keys


def agree(ours: pd.DataFrame, theirs: pd.DataFrame, *, suspect: Keys) -> Agreement:
    """Pair rows that are equal in everything a key row holds; each row at most once.

    ``ours`` and ``theirs`` are KEYS frames ordered by ``match_key``, with the same currency
    categories. Keys in ``suspect`` are left to the closer look whatever they hold.
    """
    KEYS.check(ours)
    KEYS.check(theirs)
    left, right = pd.Index(ours["match_key"]), pd.Index(theirs["match_key"])
    joined, at_left, at_right = left.join(right, how="inner", return_indexers=True)
    first = np.arange(len(joined)) if at_left is None else at_left
    second = np.arange(len(joined)) if at_right is None else at_right
    good = _equal(ours, theirs, first, second)
    doubtful = _doubtful(ours, theirs, suspect)
    if len(doubtful):
        good &= ~np.isin(left.to_numpy()[first], doubtful)
    return _agreement(
        ours, theirs, _mask(len(left), first[good]), _mask(len(right), second[good])
    )


def _equal(
    ours: pd.DataFrame, theirs: pd.DataFrame, first: NDArray[np.intp], second: NDArray[np.intp]
) -> Mask:
    good = np.ones(len(first), dtype=bool)
    for column in ("stake", "payout", "who"):
        good &= ours[column].to_numpy()[first] == theirs[column].to_numpy()[second]
    codes = ours["currency"].cat.codes.to_numpy()[first]
    good &= codes == theirs["currency"].cat.codes.to_numpy()[second]
    return good


def _doubtful(ours: pd.DataFrame, theirs: pd.DataFrame, suspect: Keys) -> Keys:
    """Keys where one row does not stand for one round: repeated, flagged or straddling."""
    found = [suspect]
    for side in (ours, theirs):
        keys = side["match_key"].to_numpy()
        found.append(keys[side["odd"].to_numpy()])
        found.append(keys[1:][keys[1:] == keys[:-1]])
    return np.unique(np.concatenate(found))


def _mask(length: int, places: NDArray[np.intp]) -> Mask:
    mask = np.zeros(length, dtype=bool)
    mask[places] = True
    return mask


def _agreement(ours: pd.DataFrame, theirs: pd.DataFrame, mine: Mask, yours: Mask) -> Agreement:
    ours_left, theirs_left = ours[~mine], theirs[~yours]
    matched, remains = tally(_rows(ours, mine)), tally(ours_left)
    theirs_remains = tally(theirs_left)
    assert tally(ours) == matched + remains
    assert tally(theirs) == matched + theirs_remains
    keys = [side["match_key"].to_numpy() for side in (ours_left, theirs_left)]
    return Agreement(
        pairs=ours["match_key"].to_numpy()[mine],
        matched=matched,
        ours_left=ours_left,
        theirs_left=theirs_left,
        ours_remains=remains,
        theirs_remains=theirs_remains,
        residual=np.unique(np.concatenate(keys)),
    )


def _rows(frame: pd.DataFrame, mask: Mask) -> pd.DataFrame:
    # Most runs agree in most rows: taking everything costs no copy.
    return frame if mask.all() else frame[mask]


def fold(records: pd.DataFrame) -> pd.DataFrame:
    """One side's view of its rounds from its records: a VIEW frame, ordered by its key.

    The amounts of a round are the sums over its records. A round that any record calls rolled
    back moved nothing. Lines repeated under one id are summed apart, as extras.
    """
    lines = _lines(records)
    grouped = lines.groupby(["round_id", "currency"], sort=True, observed=True)
    view = grouped.agg(
        match_key=("match_key", "first"),
        player=("player", "min"),
        players=("player", "nunique"),
        stake=("stake", "sum"),
        payout=("payout", "sum"),
        extra_stake=("extra_stake", "sum"),
        extra_payout=("extra_payout", "sum"),
        records=("record_id", "size"),
        extras=("extra", "sum"),
        at=("at", "max"),
        overdue=("overdue", "any"),
        wrong=("wrong", "any"),
    ).reset_index()
    quoted = view.merge(
        _first_wrong(lines), on=["round_id", "currency"], how="left", validate="one_to_one"
    )
    return VIEW.check(quoted[list(VIEW.columns)])


def _lines(records: pd.DataFrame) -> pd.DataFrame:
    """The records in a total order, with what a fold sums."""
    ordered = records.sort_values(
        ["round_id", "currency", "record_id", "occurrence"], ignore_index=True
    )
    undone = ordered.groupby("round_id")["rolled_back"].transform("any")
    extra = ordered["occurrence"] > 1
    counted, repeated = ~undone & ~extra, ~undone & extra
    return ordered.assign(
        net=ordered["payout"] - ordered["stake"],
        extra=extra.astype("int64"),
        extra_stake=ordered["stake"].where(repeated, 0),
        extra_payout=ordered["payout"].where(repeated, 0),
        stake=ordered["stake"].where(counted, 0),
        payout=ordered["payout"].where(counted, 0),
        wrong=_contradicts_itself(ordered),
    )


def _contradicts_itself(records: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the declared net or the balances disagree with stake and payout."""
    net = records["payout"] - records["stake"]
    by_net = (records["declared_net"] != net).fillna(value=False)
    moved = records["balance_after"] - records["balance_before"]
    by_balance = (moved != net).fillna(value=False) & ~records["rolled_back"]
    return (by_net | by_balance).astype(bool)


def _first_wrong(lines: pd.DataFrame) -> pd.DataFrame:
    wrong = lines[lines["wrong"]].drop_duplicates(["round_id", "currency"])
    return pd.DataFrame(
        {
            "round_id": wrong["round_id"],
            "currency": wrong["currency"],
            "wrong_net": wrong["net"].astype("Int64"),
            "wrong_declared": wrong["declared_net"],
            "wrong_before": wrong["balance_before"],
            "wrong_after": wrong["balance_after"],
        }
    )


def pair(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Both views side by side, one row per (round, currency), ordered by that.

    Returns:
        Columns of VIEW with suffixes ``_ours`` and ``_theirs`` (Int64 and boolean, null where
        the side has no such round), ``match_key``, and ``side``: both, left_only or right_only.
    """
    together = _nullable(VIEW.check(ours)).merge(
        _nullable(VIEW.check(theirs)),
        on=["round_id", "currency", "match_key"],
        how="outer",
        suffixes=("_ours", "_theirs"),
        validate="one_to_one",
        indicator="side",
    )
    assert len(ours) == int((together["side"] != "right_only").sum())
    assert len(theirs) == int((together["side"] != "left_only").sum())
    return together.sort_values(["round_id", "currency"], ignore_index=True)


def _nullable(view: pd.DataFrame) -> pd.DataFrame:
    """Integers that can be absent; an outer join would make floats of the others."""
    kinds = {"int64": "Int64", "bool": "boolean"}
    targets = {
        name: kinds[kind]
        for name, kind in VIEW.columns.items()
        if kind in kinds and name != "match_key"
    }
    return view.astype(targets)
