"""Split a round that several players share into one row per player.

All players at a table play rounds with the same id. A row of a comparison is named by its
round; for a shared round the name also holds the player, separated by an unprintable character
that no received id contains. (The zero character would not do: an outer join of pandas compares
names only up to it.) ``round_of`` removes the player before people read the name. A round of
one player keeps its plain name.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.snapshot.arrays import arrow_text, changes
from reconcile.snapshot.columns import Columns
from reconcile.snapshot.frames import RECORDS, RecordSides

_SEPARATOR = "\x1f"
#: Maps (round, currency, player as the provider names it) to the player who owns that share.
_ShareOwners = Mapping[tuple[str, str, str], str]


def round_of(name: str) -> str:
    """Return the provider's round id from the name of a row."""
    return name.partition(_SEPARATOR)[0]


def share_name(round_id: str, player: str) -> str:
    """Return the name of a player's share of a shared round."""
    return f"{round_id}{_SEPARATOR}{player}"


def player_of_share(name: str) -> str:
    """Return whose player share a row is; empty if its round has only one player."""
    return name.partition(_SEPARATOR)[2]


def split_player_shares(records: RecordSides) -> RecordSides:
    """Rename the records of shared rounds so that each player share has a name of its own.

    Both sides hold whole rounds. If a round and currency leaves exactly one unmatched player on
    either side, the two are the same share: the provider named its player differently.
    """
    by_us, by_them = _rounds_of_many(records.ours), _rounds_of_many(records.theirs)
    if not by_us and not by_them:
        return records
    ours, theirs = records.ours.frame(), records.theirs.frame()
    shared = _shared_rounds(ours, theirs, by_us, by_them)
    in_ours, in_theirs = ours["round_id"].isin(shared), theirs["round_id"].isin(shared)
    owners = _share_owners(ours[in_ours], theirs[in_theirs])
    return RecordSides.of(_rename(ours, in_ours, {}), _rename(theirs, in_theirs, owners))


def _shared_rounds(
    ours: pd.DataFrame, theirs: pd.DataFrame, by_us: set[str], by_them: set[str]
) -> set[str]:
    """Return the rounds that are split, of those that either side reports for several players.

    A round is left whole if the provider leaves its players unnamed. It is left whole too if we
    have one player and the amounts of both sides agree: then one line only names somebody else.
    """
    unnamed = set(theirs.loc[theirs["player"] == "", "round_id"])
    only_theirs = by_them - by_us
    our_amounts, their_amounts = (
        _amounts(side[side["round_id"].isin(only_theirs)]) for side in (ours, theirs)
    )
    misnamed = {name for name in only_theirs if our_amounts.get(name) == their_amounts[name]}
    return (by_us | by_them) - unnamed - misnamed


def _rounds_of_many(records: Columns) -> set[str]:
    """Return the rounds of more than one player."""
    rounds = arrow_text(records["round_id"]).dictionary_encode()
    if len(rounds.dictionary) == len(records):
        return set()
    players = arrow_text(records["player"]).dictionary_encode().indices.to_numpy()
    codes = rounds.indices.to_numpy()
    order = np.lexsort((players, codes))
    distinct = changes(codes[order], players[order])
    of_many = np.bincount(codes[order][distinct]) > 1
    return set(rounds.dictionary.filter(pa.array(of_many)).to_pylist())


def _amounts(records: pd.DataFrame) -> dict[str, list[tuple[str, int, int]]]:
    """Sum what was not rolled back: (currency, stake, payout) entries by round."""
    standing = records[~records["rolled_back"]]
    sums = standing.groupby(["round_id", "currency"], sort=True)[["stake", "payout"]].sum()
    amounts: dict[str, list[tuple[str, int, int]]] = {name: [] for name in records["round_id"]}
    for (name, currency), stake, payout in sums.itertuples(name=None):
        amounts[name].append((currency, stake, payout))
    return amounts


def _share_owners(ours: pd.DataFrame, theirs: pd.DataFrame) -> _ShareOwners:
    our_players, their_players = _players(ours), _players(theirs)
    owners: dict[tuple[str, str, str], str] = {}
    for place in our_players.keys() & their_players.keys():
        only_ours = our_players[place] - their_players[place]
        only_theirs = their_players[place] - our_players[place]
        if len(only_ours) == len(only_theirs) == 1:
            owners[*place, only_theirs.pop()] = only_ours.pop()
    return owners


def _players(records: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    """Collect the players of each round and currency."""
    players: dict[tuple[str, str], set[str]] = {}
    columns = (records[name] for name in ("round_id", "currency", "player"))
    for name, currency, player in zip(*columns, strict=True):
        players.setdefault((name, currency), set()).add(player)
    return players


def _rename(
    records: pd.DataFrame, shared: "pd.Series[bool]", owners: _ShareOwners
) -> pd.DataFrame:
    rows = records[shared]
    columns = (rows[name] for name in ("round_id", "currency", "player"))
    share_names = [
        share_name(name, owners.get((name, currency, player), player))
        for name, currency, player in zip(*columns, strict=True)
    ]
    names = records["round_id"].copy()
    names[shared] = pd.Series(share_names, index=rows.index, dtype="str")
    return RECORDS.check(records.assign(round_id=names.astype("str")))
