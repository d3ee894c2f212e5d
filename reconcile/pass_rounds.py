"""The second pass: whole rounds, netted on either side and joined by their name.

``fold`` makes one row of everything a side tells of a round, however many lines or operations
that are on either side, and ``pair`` joins the two by the round's text. Its partition is a
range of ``match_key``, like the exact pass's.
"""

import pandas as pd

from reconcile.frames import PAIR_NAME, PAIRS, VIEW

#: The tie of rows joined by the name of their round.
NAME = "name"


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
        rolled_back=("undone", "any"),
        declared_stake=("declared_stake", "max"),
        declared_payout=("declared_payout", "max"),
        began=("began", "min"),
        at=("at", "max"),
        overdue=("overdue", "any"),
        wrong=("wrong", "any"),
    ).reset_index()
    for extra in (_balances(lines), _first_wrong(lines)):
        view = view.merge(extra, on=["round_id", "currency"], how="left", validate="one_to_one")
    return VIEW.check(view[list(VIEW.columns)])


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
        undone=undone,
        extra=extra.astype("int64"),
        extra_stake=ordered["stake"].where(repeated, 0),
        extra_payout=ordered["payout"].where(repeated, 0),
        stake=ordered["stake"].where(counted, 0),
        payout=ordered["payout"].where(counted, 0),
        wrong=_contradicts_itself(ordered),
    )


def _balances(lines: pd.DataFrame) -> pd.DataFrame:
    """The balance before a round's first line and after its last; null where one is silent."""
    ordered = lines.sort_values(["began", "record_id", "occurrence"])
    rounds = ordered.groupby(["round_id", "currency"], observed=True)
    first, last = rounds.head(1), rounds.tail(1)
    named = ["round_id", "currency"]
    return first[[*named, "balance_before"]].merge(
        last[[*named, "balance_after"]], on=named, validate="one_to_one"
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
    """Both views side by side, one row per (round, currency): a PAIRS frame, ordered."""
    together = _nullable(VIEW.check(ours)).merge(
        _nullable(VIEW.check(theirs)),
        on=list(PAIR_NAME),
        how="outer",
        suffixes=("_ours", "_theirs"),
        validate="one_to_one",
        indicator="side",
    )
    sides = together["side"].astype("str")
    together["side"] = sides.replace({"left_only": "ours", "right_only": "theirs"})
    tied = (together["side"] == "both").map({True: NAME, False: ""}).astype("str")
    none = pd.Series("", index=together.index, dtype="str")
    together = together.assign(alias=none, tie=tied, group=none)
    assert len(ours) == int((together["side"] != "theirs").sum())
    assert len(theirs) == int((together["side"] != "ours").sum())
    ordered = together.sort_values(["round_id", "currency"], ignore_index=True)
    return PAIRS.check(ordered[list(PAIRS.columns)])


def _nullable(view: pd.DataFrame) -> pd.DataFrame:
    """Integers that can be absent; an outer join would make floats of the others."""
    kinds = {"int64": "Int64", "bool": "boolean"}
    targets = {
        name: kinds[kind]
        for name, kind in VIEW.columns.items()
        if kind in kinds and name != "match_key"
    }
    return view.astype(targets)
