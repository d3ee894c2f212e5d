"""Rounds that several players share, taken apart: each player's part is a row of its own.

A table's round has one name for everybody at it. What a row of a comparison is named by is
therefore the round, and within a shared round the player too: ``seated`` gives such records the
name of both, with an unprintable character between. No id that is read holds one, so nothing
else is ever called that; it is not the zero character, up to which an outer join of pandas
takes names for equal. ``round_of`` takes the player off again before people read it. Rounds of
one player keep their plain name.
"""

from collections.abc import Mapping

import pandas as pd

from reconcile.snapshot.frames import RECORDS

_BETWEEN = "\x1f"
#: (round, currency, player as the provider tells it) → the player whose seat it is.
_Seats = Mapping[tuple[str, str, str], str]


def round_of(name: str) -> str:
    """The provider's name of the round a row belongs to."""
    return name.partition(_BETWEEN)[0]


def seat_of(name: str) -> str:
    """The player whose part of a shared round it is; empty where the round has one player."""
    return name.partition(_BETWEEN)[2]


def seated(ours: pd.DataFrame, theirs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The records of both sides, each player's part of a shared round under a name of its own.

    Both are RECORDS frames with whole rounds in them. Where one player of a round and currency
    is left over on either side, the two are one part, told under another player's name.
    """
    shared = _shared(ours, theirs)
    if not shared:
        return ours, theirs
    mine, yours = ours["round_id"].isin(shared), theirs["round_id"].isin(shared)
    others = _other_names(ours[mine], theirs[yours])
    return _named(ours, mine, {}), _named(theirs, yours, others)


def _shared(ours: pd.DataFrame, theirs: pd.DataFrame) -> set[str]:
    """Rounds that either side tells of several players.

    Not those whose players the provider leaves unnamed; nor those of one player of ours where
    the sides come to the same amounts: there a line names somebody else, and that is all.
    """
    by_us, by_them = _crowded(ours), _crowded(theirs)
    if not by_us and not by_them:
        return set()
    unnamed = set(theirs.loc[theirs["player"] == "", "round_id"])
    alone = by_them - by_us
    mine, yours = (_amounts(side[side["round_id"].isin(alone)]) for side in (ours, theirs))
    misnamed = {name for name in alone if mine.get(name) == yours[name]}
    return (by_us | by_them) - unnamed - misnamed


def _crowded(records: pd.DataFrame) -> set[str]:
    repeated = records[records["round_id"].duplicated(keep=False)]
    players = repeated.groupby("round_id")["player"].nunique()
    return set(players.index[players > 1])


def _amounts(records: pd.DataFrame) -> dict[str, list[tuple[str, int, int]]]:
    """By round, what stands of it in each currency."""
    stands = records[~records["rolled_back"]]
    sums = stands.groupby(["round_id", "currency"], sort=True)[["stake", "payout"]].sum()
    told: dict[str, list[tuple[str, int, int]]] = {name: [] for name in records["round_id"]}
    for (name, currency), stake, payout in sums.itertuples(name=None):
        told[name].append((currency, stake, payout))
    return told


def _other_names(ours: pd.DataFrame, theirs: pd.DataFrame) -> _Seats:
    mine, yours = _players(ours), _players(theirs)
    found: dict[tuple[str, str, str], str] = {}
    for place in mine.keys() & yours.keys():
        here, there = mine[place] - yours[place], yours[place] - mine[place]
        if len(here) == len(there) == 1:
            found[*place, there.pop()] = here.pop()
    return found


def _players(records: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    told: dict[tuple[str, str], set[str]] = {}
    columns = (records[name] for name in ("round_id", "currency", "player"))
    for name, currency, player in zip(*columns, strict=True):
        told.setdefault((name, currency), set()).add(player)
    return told


def _named(records: pd.DataFrame, some: "pd.Series[bool]", others: _Seats) -> pd.DataFrame:
    rows = records[some]
    columns = (rows[name] for name in ("round_id", "currency", "player"))
    seats = [
        name + _BETWEEN + others.get((name, currency, player), player)
        for name, currency, player in zip(*columns, strict=True)
    ]
    names = records["round_id"].copy()
    names[some] = pd.Series(seats, index=rows.index, dtype="str")
    return RECORDS.check(records.assign(round_id=names.astype("str")))
