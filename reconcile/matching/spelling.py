"""Missing rounds of both sides whose ids differ only by case or blanks: one break, not two.

The rows of both sides stay in the bucket of breaks: they agree only once the ids are read as
one, and that is for a person to decide. Such ids are paired only if there is exactly one round
of them on either side, of the same player and currency. All parts of a comparison have to be
merged before, because two spellings of an id have two match keys.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa

from breaks.kinds import BreakKind
from feeds.statements.reading.values.text import INVISIBLE, bare
from reconcile.snapshot.arrays import arrow_text, sort_order, texts
from reconcile.snapshot.columns import Columns
from reconcile.snapshot.shared_rounds import player_of_share, round_of

_NO_BLANKS = str.maketrans(dict.fromkeys(INVISIBLE))
_ORDER = ("round_id", "currency", "kind")


def same_spelling(text: str) -> str:
    """Return what all spellings of an id have in common, whatever their case and blanks."""
    if text.isascii() and text.isalnum():
        return text.lower()
    return bare(text).translate(_NO_BLANKS).casefold()


def pair_spellings(break_rows: Columns) -> Columns:
    """Replace both breaks of a round that either side spells its own way by one break.

    Args:
        break_rows: see ``Classified.break_rows``; of a whole comparison.
    """
    kinds = texts(break_rows["kind"])
    ours = np.flatnonzero(kinds == str(BreakKind.MISSING_AT_PROVIDER))
    theirs = np.flatnonzero(kinds == str(BreakKind.MISSING_IN_LEDGER))
    if not len(ours) or not len(theirs):
        return break_rows
    breaks = break_rows.frame()
    pairs = list(_pairs(breaks.take(ours), breaks.take(theirs)))
    if not pairs:
        return break_rows
    our_rows, their_rows = (
        side[[pair[n] for pair in pairs]] for n, side in enumerate((ours, theirs))
    )
    paired = _paired(breaks.take(our_rows), breaks.take(their_rows))
    rest = np.setdiff1d(np.arange(len(breaks)), np.concatenate([our_rows, their_rows]))
    combined = pd.concat([breaks.take(rest), paired], ignore_index=True)
    order = sort_order(pa.table({name: arrow_text(combined[name]) for name in _ORDER}))
    return Columns.of(combined.take(order))


def _pairs(ours: pd.DataFrame, theirs: pd.DataFrame) -> Iterator[tuple[int, int]]:
    """Yield the positions of both rows of each pair."""
    our_rows, their_rows = _by_spelling(ours), _by_spelling(theirs)
    our_players, their_players = (
        side[f"player_{name}"].to_numpy(dtype=object)
        for name, side in (("ours", ours), ("theirs", theirs))
    )
    for spelling, positions in our_rows.items():
        counterparts = their_rows.get(spelling, [])
        if len(positions) == len(counterparts) == 1:
            our_row, their_row = positions[0], counterparts[0]
            if _may_be_same(our_players[our_row], their_players[their_row]):
                yield our_row, their_row


def _by_spelling(rows: pd.DataFrame) -> dict[tuple[str, str, str], list[int]]:
    spellings: dict[tuple[str, str, str], list[int]] = {}
    names = zip(rows["round_id"], rows["currency"], strict=True)
    for position, (name, currency) in enumerate(names):
        spelling = (same_spelling(round_of(name)), player_of_share(name), currency)
        spellings.setdefault(spelling, []).append(position)
    return spellings


def _may_be_same(our_player: str, their_player: str) -> bool:
    """Whether two players may be the same; the provider may leave its player unnamed."""
    return not their_player or same_spelling(our_player) == same_spelling(their_player)


def _paired(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each pair: what we have of ours, what they have of theirs."""
    ours, theirs = ours.reset_index(drop=True), theirs.reset_index(drop=True)
    paired = ours.assign(
        side="both",
        alias=theirs["round_id"],
        kind=str(BreakKind.ID_SPELLING),
        difference=ours["difference"] + theirs["difference"],
    )
    for name in theirs.columns:
        if name.endswith("_theirs"):
            paired[name] = theirs[name]
    return paired.astype(dict(ours.dtypes))
