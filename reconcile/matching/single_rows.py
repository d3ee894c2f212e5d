"""Rounds of which each side has one row under an id that the other side does not know.

Where a history does not name our rounds, nearly all rows are such. Their key rows, with time
and balance, hold all that matching by attributes asks, so full rows are read only of those that
are not matched one to one with a row that equals them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.matching.conservation import EMPTY, Tally, tally
from reconcile.matching.exact import ExactMatches, among
from reconcile.matching.passes import TieState, join_sides, tie_rows
from reconcile.matching.rounds import fold, pair
from reconcile.matching.unmatched import UnmatchedRows, unmatched_rows
from reconcile.snapshot.arrays import (
    Amounts,
    Flags,
    Positions,
    arrow_text,
    changes,
    in_sorted,
    integers,
    sort_order,
)
from reconcile.snapshot.frames import PAIRS, SINGLES, TIMED_KEYS, Keys, Sides
from reconcile.snapshot.row_reader import RowReader
from reconcile.snapshot.rules import Rules
from vocabulary.errors import Contradiction

#: Full rows that are read at a time.
ROWS_AT_A_TIME = 50_000


def find_singles(
    sides: Sides, agreed: ExactMatches, in_full: Keys, reader: RowReader
) -> tuple[pd.DataFrame, Keys]:
    """Separate the rows that the exact pass left into single rows and those to read in full.

    Args:
        sides: TIMED_KEYS frames.
        agreed: of the exact pass.
        in_full: keys that are read in full in any case, sorted.
        reader: tells which rows the other side has outside the window.

    Returns:
        A SINGLES frame, and the sorted keys of all other rows.
    """
    ours = TIMED_KEYS.check(sides.ours)[~agreed.our_matches]
    theirs = TIMED_KEYS.check(sides.theirs)[~agreed.their_matches]
    our_keys, their_keys = (side["match_key"].to_numpy() for side in (ours, theirs))
    doubtful = [in_full, our_keys[in_sorted(our_keys, their_keys)]]
    for side, keys in ((ours, our_keys), (theirs, their_keys)):
        doubtful.append(keys[side["odd"].to_numpy() | side["in_full"].to_numpy()])
        doubtful.append(keys[1:][keys[1:] == keys[:-1]])
    rest = np.unique(np.concatenate(doubtful))
    single = [~among(keys, rest) for keys in (our_keys, their_keys)]
    both = reader.keys_of_both(our_keys[single[0]], their_keys[single[1]])
    rest = np.union1d(rest, both)
    rest = rest[in_sorted(rest, agreed.residual)]
    frames = [
        _singles(side[~among(keys, rest)], is_ours=is_ours)
        for side, keys, is_ours in ((ours, our_keys, True), (theirs, their_keys, False))
    ]
    return SINGLES.check(pd.concat(frames, ignore_index=True)), rest


def _singles(side: pd.DataFrame, *, is_ours: bool) -> pd.DataFrame:
    frame = side.assign(ours=is_ours, currency=side["currency"].astype("str"))
    return frame[list(SINGLES.columns)]


def tally_singles(singles: pd.DataFrame, *, ours: bool) -> Tally:
    """Tally the single rows of one side."""
    if not len(singles):
        return EMPTY
    return tally(singles[singles["ours"].to_numpy() == ours])


@dataclass(frozen=True, slots=True, kw_only=True)
class TiedSingles:
    """What matching by attributes came to where most rows are single.

    Attributes:
        matched: the tally of the single rows that equal one of the other side; equal rows make
            it the same for both sides.
        rest: PAIRS frames of all other rows, each of whole players.
    """

    matched: Tally
    rest: Iterator[pd.DataFrame]


def tie_singles(
    pairs: pd.DataFrame, singles: pd.DataFrame, rules: Rules, reader: RowReader
) -> TiedSingles:
    """Run the passes by attributes over rows that were read in full, and single rows.

    Both hold all rows of whole (player, currency) groups.

    Args:
        pairs: a PAIRS frame of one-sided rows.
        singles: a SINGLES frame.
        rules: of the run.
        reader: reads single rows in full.

    Raises:
        Contradiction: a pass does not conserve its rows, or rows differ from those first read.
    """
    SINGLES.check(singles)
    pairs = _ordered(PAIRS.check(pairs))
    rows = _joined_rows(pairs, singles, reader)
    order = _name_order(pairs, singles, rows, reader)
    state = tie_rows(rows, rules) if order is None else _tie_in_order(rows, order, rules)
    is_single = np.arange(len(rows.ours)) >= len(pairs)
    settled = state.one_to_one & is_single
    settled[settled] = is_single[state.partner[settled]]
    matched = [
        tally(singles[(settled & (rows.ours == ours))[len(pairs) :]]) for ours in (True, False)
    ]
    if matched[0] != matched[1]:
        raise Contradiction("rows that are matched by their attributes do not agree")
    left = np.flatnonzero(~settled)
    rest = (
        join_sides(*_rows_at(at, pairs, singles, reader), state)
        for at in _by_players(left, rows.player_currency)
    )
    return TiedSingles(matched=matched[0], rest=rest)


def _ordered(pairs: pd.DataFrame) -> pd.DataFrame:
    names = pa.table({name: arrow_text(pairs[name]) for name in ("round_id", "currency")})
    return pairs.take(sort_order(names)).reset_index(drop=True)


def _name_order(
    pairs: pd.DataFrame, singles: pd.DataFrame, rows: UnmatchedRows, reader: RowReader
) -> Positions | None:
    """Order rows of one side and player that began at once by their round ids.

    The passes take such rows in the order in which they come.

    Returns:
        The positions in that order, whatever the order of all other rows; None: there are none.
    """
    order = np.lexsort((rows.began_us, rows.player_currency, rows.ours))
    repeated = ~changes(*(v[order] for v in (rows.began_us, rows.player_currency, rows.ours)))
    repeated[:-1] |= repeated[1:]
    at_once = order[repeated]
    if not len(at_once):
        return None
    of_pairs, of_singles = at_once[at_once < len(pairs)], at_once[at_once >= len(pairs)]
    keys = singles["match_key"].to_numpy()[of_singles - len(pairs)]
    ours = rows.ours[of_singles]
    round_ids = reader.round_ids(keys[ours], keys[~ours])
    names = [*pairs["round_id"].take(of_pairs), *(round_ids[key] for key in keys.tolist())]
    by_name = sort_order(pa.table({"name": pa.array(names, type=pa.large_string())}))
    rank = np.zeros(len(rows.ours), dtype=np.intp)
    rank[np.concatenate([of_pairs, of_singles])[by_name]] = np.arange(len(at_once))
    return np.argsort(rank, kind="stable")


def _tie_in_order(rows: UnmatchedRows, order: Positions, rules: Rules) -> TieState:
    """Run the passes over the rows in this order; the result counts them in their own."""
    state = tie_rows(rows.take(order), rules)
    places = np.argsort(order)
    state.tie = state.tie[places]
    # The last element stands for the absent row, -1.
    positions = np.append(order, -1)
    state.partner = positions[state.partner[places]]
    state.group = positions[state.group[places]]
    return state


def _joined_rows(
    pairs: pd.DataFrame, singles: pd.DataFrame, reader: RowReader
) -> UnmatchedRows:
    """Return the rows of both frames, in this order."""
    in_full = unmatched_rows(pairs)
    players = np.concatenate([hashes_of(pairs, reader), singles["player_hash"].to_numpy()])
    currencies = pd.concat([pairs["currency"], singles["currency"]])
    currency_codes, names = pd.factorize(currencies)
    owners = pd.factorize(players)[0].astype(np.int64) * max(1, len(names)) + currency_codes
    flags = np.ones(len(singles), dtype=bool)

    def joined(first: Amounts | Flags, name: str) -> Amounts:
        values: Amounts = np.concatenate([first, singles[name].to_numpy()])
        return values

    return UnmatchedRows(
        ours=joined(in_full.ours, "ours").astype(bool),
        player_currency=owners,
        stake=joined(in_full.stake, "stake"),
        payout=joined(in_full.payout, "payout"),
        before=joined(in_full.before, "before"),
        has_before=joined(in_full.has_before, "has_before").astype(bool),
        began_us=joined(in_full.began_us, "began_us"),
        no_repeats=np.concatenate([in_full.no_repeats, flags]),
        one_player=np.concatenate([in_full.one_player, flags]),
    )


def hashes_of(pairs: pd.DataFrame, reader: RowReader) -> Keys:
    """Return the hash of the player of each row of a PAIRS frame of one-sided rows."""
    codes, players = pd.factorize(pairs["player_ours"].fillna(pairs["player_theirs"]))
    if not len(players):
        return np.zeros(0, dtype=np.int64)
    hashes: Keys = reader.player_hashes([str(player) for player in players])[codes]
    return hashes


def _by_players(positions: Positions, owners: Amounts) -> Iterator[Positions]:
    """Split positions into groups of whole players of bounded size."""
    groups = -(-len(positions) // ROWS_AT_A_TIME)
    numbers = owners[positions] % max(1, groups)
    for number in np.unique(numbers):
        yield positions[numbers == number]


def _rows_at(
    at: Positions, pairs: pd.DataFrame, singles: pd.DataFrame, reader: RowReader
) -> tuple[pd.DataFrame, Positions]:
    """Return the rows at some positions as PAIRS rows, and the position of each."""
    of_pairs, of_singles = at[at < len(pairs)], at[at >= len(pairs)]
    frames, positions = [pairs.take(of_pairs)], [of_pairs]
    if len(of_singles):
        full, order = _in_full(singles.take(of_singles - len(pairs)), reader)
        frames.append(full)
        positions.append(of_singles[order])
    frame = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    return frame, np.concatenate(positions)


def _in_full(singles: pd.DataFrame, reader: RowReader) -> tuple[pd.DataFrame, Positions]:
    """Read single rows in full, as PAIRS rows; returns the position of each among them too.

    Raises:
        Contradiction: the full rows differ from the rows first read.
    """
    keys, ours = (singles[name].to_numpy() for name in ("match_key", "ours"))
    records = reader.records(np.sort(keys), balances=False)
    views = [
        fold(
            side.where(side["inside"] & np.isin(side["match_key"], keys[ours == is_ours])),
            nets=is_ours,
        )
        for side, is_ours in ((records.ours, True), (records.theirs, False))
    ]
    full = pair(*views).frame()
    by_key = np.argsort(keys)
    order = by_key[
        np.minimum(np.searchsorted(keys[by_key], full["match_key"].to_numpy()), len(keys) - 1)
    ]
    read = singles.take(order)
    same = len(full) == len(singles) == len(np.unique(order))
    for side, is_ours in (("ours", True), ("theirs", False)):
        own = ours[order] == is_ours
        for name in ("stake", "payout"):
            amounts = integers(full[f"{name}_{side}"])[own]
            same = same and np.array_equal(amounts, read[name].to_numpy()[own])
    if not same:
        raise Contradiction("the full rows differ from the rows first read")
    return full, order
