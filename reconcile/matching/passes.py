"""The passes, most certain first, and what each may look at.

``exact`` and ``rounds`` work on ranges of ``match_key`` and are called by
``reconcile.matching.compare`` themselves. The passes listed here work on what those left
one-sided, split by (player, currency): none of them ever ties across that, so any split by it
gives the same result. Each is given the rows and which of them are still free, and says which
belong together. What it says is checked, and a row is never lost, which is checked too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.matching.attributes import (
    AMBIGUOUS,
    ATTRIBUTES,
    BALANCES,
    PLACE,
    by_attributes,
    by_balances,
    by_place,
)
from reconcile.matching.conservation import Tally, tally_of
from reconcile.matching.groups import GROUP, by_sums
from reconcile.matching.unmatched import Ties, UnmatchedRows, loose_of
from reconcile.snapshot.arrays import Flags, Places, sort_places, taken, text_of, texts, words
from reconcile.snapshot.frames import PAIR_NAME, PAIRS
from reconcile.snapshot.rules import Rules
from vocabulary.errors import Contradiction


@dataclass(frozen=True, slots=True)
class MatchPass:
    """One pass over one-sided rows of whole (player, currency) groups.

    Attributes:
        name: the tie of what it puts together.
        tie: given the rows and which of them are free.
    """

    name: str
    tie: Callable[[UnmatchedRows, Flags, Rules], Ties]


PASSES = (
    MatchPass(BALANCES, by_balances),
    MatchPass(PLACE, by_place),
    MatchPass(GROUP, by_sums),
    MatchPass(ATTRIBUTES, by_attributes),
)
#: What the tie of a row may be, by its number.
_TIES = ("", *(each.name for each in PASSES), AMBIGUOUS)
_UNSURE = len(_TIES) - 1


def tie_by_attributes(pairs: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Run every pass in its order over one-sided rows.

    ``pairs`` is a PAIRS frame with all one-sided rows of the players it holds. The result holds
    the same rows of either side, ordered by round and currency, whatever the order given.

    Raises:
        Contradiction: a pass lost, doubled or changed a row.
    """
    PAIRS.check(pairs)
    names = pa.table({name: words(pairs[name]) for name in ("round_id", "currency")})
    order = sort_places(names)
    ordered = pairs.take(order)
    rows = loose_of(ordered)
    tied = _Tied(rows)
    for number, each in enumerate(PASSES, start=1):
        ties = each.tie(rows, tied.free, rules)
        tied.admit(each.name, ties, number)
    fused = _fused(ordered, rows, tied)
    if held(fused) != held(ordered):
        raise Contradiction("the passes by attributes do not conserve their rows")
    return fused


class _Tied:
    """What the passes have tied so far.

    Attributes:
        tie: the number of the tie of every row, 0 where it has none.
        partner: the row of the other side that it is one with, or -1.
        group: the row that names its group, or -1.
    """

    def __init__(self, rows: UnmatchedRows) -> None:
        self._rows = rows
        self.tie = np.zeros(len(rows.ours), dtype=np.intp)
        self.partner = np.full(len(rows.ours), -1, dtype=np.intp)
        self.group = np.full(len(rows.ours), -1, dtype=np.intp)

    @property
    def free(self) -> Flags:
        """Rows that a pass may tie: one that is unsure may still be tied by a later one."""
        free: Flags = (self.tie == 0) | (self.tie == _UNSURE)
        return free

    def admit(self, name: str, ties: Ties, number: int) -> None:
        """Take what a pass says, if it may say so.

        Raises:
            Contradiction: it names a row twice, one that is not free, or strangers.
        """
        runs = [np.array(run, dtype=np.intp) for run in ties.runs]
        named = np.concatenate([ties.first, ties.second, *runs])
        rows = self._rows
        fair = len(np.unique(named)) == len(named) and bool(self.free[named].all())
        fair = fair and bool(rows.ours[ties.first].all() and not rows.ours[ties.second].any())
        fair = fair and bool((rows.who[ties.first] == rows.who[ties.second]).all())
        fair = fair and all(len(np.unique(rows.who[run])) == 1 for run in runs)
        if not fair:
            raise Contradiction(f"the pass {name!r} does not conserve its rows")
        self.tie[named] = number
        self.partner[ties.first], self.partner[ties.second] = ties.second, ties.first
        for run in runs:
            self.group[run] = run[0]
        self.tie[ties.unsure[self.free[ties.unsure]]] = _UNSURE


def _fused(pairs: pd.DataFrame, rows: UnmatchedRows, tied: _Tied) -> pd.DataFrame:
    """Rows of either side made one; the round keeps our name, ``alias`` keeps theirs."""
    keep = np.flatnonzero(rows.ours | (tied.partner < 0))
    ours, partner = rows.ours[keep], tied.partner[keep]
    at = {"ours": np.where(ours, keep, -1), "theirs": np.where(ours, partner, keep)}
    columns = {name: pairs[name].array.take(keep) for name in PAIR_NAME}
    for side, places in at.items():
        columns |= {
            name: taken(pairs[name], places)
            for name in PAIRS.columns
            if name.endswith(f"_{side}")
        }
    names = words(pairs["round_id"])
    columns |= {
        "side": text_of(
            ("both", "ours", "theirs"), np.where(partner >= 0, 0, np.where(ours, 1, 2))
        ),
        "tie": text_of(_TIES, tied.tie[keep]),
        "alias": _names(names, partner),
        "group": _names(names, tied.group[keep]),
    }
    frame = pd.DataFrame({name: columns[name] for name in PAIRS.columns}, copy=False)
    return PAIRS.check(frame)


def _names(names: pa.Array, at: Places) -> object:
    """Names at these places; empty where a place is negative."""
    told = names.take(pa.array(at, mask=at < 0))
    return texts(told.fill_null(""))


def held(pairs: pd.DataFrame) -> tuple[Tally, Tally]:
    """What the rows of either side come to, repeated lines left out."""
    return tally_of(pairs, "stake_ours", "payout_ours", "records_ours"), tally_of(
        pairs, "stake_theirs", "payout_theirs", "records_theirs"
    )
