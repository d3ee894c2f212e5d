"""The passes that match by attributes, most certain first, and the checks around them.

The exact pass and the pass by round id work on ranges of ``match_key``;
``reconcile.matching.compare`` calls them. The passes listed here work on the rows that those
leave one-sided, split by (player, currency). No pass matches across that, so every such split
gives the same result. Each pass gets the rows and which of them are free, and returns the rows
that belong together. Its result is checked, and so is that no row is lost.
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
from reconcile.matching.conservation import Tally, tally_columns
from reconcile.matching.groups import GROUP, by_sums
from reconcile.matching.unmatched import Ties, UnmatchedRows, unmatched_rows
from reconcile.snapshot.arrays import (
    Flags,
    Positions,
    arrow_text,
    present,
    sort_order,
    take_or_null,
    text_column,
    text_from_codes,
)
from reconcile.snapshot.frames import PAIR_NAME, PAIRS
from reconcile.snapshot.rules import Rules
from vocabulary.errors import Contradiction


@dataclass(frozen=True, slots=True)
class MatchPass:
    """One pass over one-sided rows of whole (player, currency) groups.

    Attributes:
        name: the tie of the rows that it matches.
        tie: takes the rows, flags of the free ones, and the rules.
    """

    name: str
    tie: Callable[[UnmatchedRows, Flags, Rules], Ties]


PASSES = (
    MatchPass(BALANCES, by_balances),
    MatchPass(PLACE, by_place),
    MatchPass(GROUP, by_sums),
    MatchPass(ATTRIBUTES, by_attributes),
)
#: All ties of a row, by number.
_TIE_NAMES = ("", *(match_pass.name for match_pass in PASSES), AMBIGUOUS)
_UNSURE = len(_TIE_NAMES) - 1


def tie_by_attributes(pairs: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Run every pass in its order over one-sided rows.

    ``pairs`` is a PAIRS frame with all one-sided rows of the players it holds. The result holds
    the same rows of either side, ordered by round and currency, whatever the input order.

    Raises:
        Contradiction: a pass lost, doubled or changed a row.
    """
    PAIRS.check(pairs)
    names = pa.table({name: arrow_text(pairs[name]) for name in ("round_id", "currency")})
    ordered = pairs.take(sort_order(names))
    rows = unmatched_rows(ordered)
    return join_sides(ordered, np.arange(len(ordered)), tie_rows(rows, rules))


def tie_rows(rows: UnmatchedRows, rules: Rules) -> "TieState":
    """Run every pass in its order; rows that began at once count in the order they come.

    Raises:
        Contradiction: a pass named a row twice, or rows that do not belong together.
    """
    state = TieState(rows)
    for number, match_pass in enumerate(PASSES, start=1):
        state.apply(match_pass.name, match_pass.tie(rows, state.free, rules), number)
    return state


class TieState:
    """What the passes have tied so far.

    Attributes:
        tie: the number of each row's tie, 0 for none.
        partner: the position of the matching row of the other side, or -1.
        group: the position of the row that names the group, or -1.
    """

    def __init__(self, rows: UnmatchedRows) -> None:
        self._rows = rows
        self.tie = np.zeros(len(rows.ours), dtype=np.intp)
        self.partner = np.full(len(rows.ours), -1, dtype=np.intp)
        self.group = np.full(len(rows.ours), -1, dtype=np.intp)

    @property
    def one_to_one(self) -> Flags:
        """Flags the rows that one row of the other side equals in every attribute."""
        equal = (_TIE_NAMES.index(BALANCES), _TIE_NAMES.index(ATTRIBUTES))
        flags: Flags = (self.partner >= 0) & np.isin(self.tie, equal)
        return flags

    @property
    def free(self) -> Flags:
        """Flags the rows that a pass may tie; a later pass may still tie an unsure row."""
        free: Flags = (self.tie == 0) | (self.tie == _UNSURE)
        return free

    def apply(self, name: str, ties: Ties, number: int) -> None:
        """Record the ties of one pass.

        Raises:
            Contradiction: the pass names a row twice, names a row that is not free, or ties
                rows of different players or currencies.
        """
        groups = [np.array(group, dtype=np.intp) for group in ties.groups]
        if not self._is_valid(ties, groups):
            raise Contradiction(f"the pass {name!r} does not conserve its rows")
        self.tie[np.concatenate([ties.first, ties.second, *groups])] = number
        self.partner[ties.first], self.partner[ties.second] = ties.second, ties.first
        for group in groups:
            self.group[group] = group[0]
        self.tie[ties.unsure[self.free[ties.unsure]]] = _UNSURE

    def of(self, at: Positions) -> tuple[Positions, Positions, Positions]:
        """Return tie, partner and group of the rows at these positions, counted among them."""
        # The last element stands for the absent row, -1.
        places = np.full(len(self.tie) + 1, -1, dtype=np.intp)
        places[at] = np.arange(len(at))
        return self.tie[at], places[self.partner[at]], places[self.group[at]]

    def _is_valid(self, ties: Ties, groups: list[Positions]) -> bool:
        rows = self._rows
        named = np.concatenate([ties.first, ties.second, *groups])
        owners = rows.player_currency
        is_named = np.zeros(len(rows.ours), dtype=bool)
        is_named[named] = True
        return (
            np.count_nonzero(is_named) == len(named)
            and bool(self.free[named].all())
            and bool(rows.ours[ties.first].all() and not rows.ours[ties.second].any())
            and bool((owners[ties.first] == owners[ties.second]).all())
            and all(len(np.unique(owners[group])) == 1 for group in groups)
        )


def join_sides(pairs: pd.DataFrame, at: Positions, state: TieState) -> pd.DataFrame:
    """Join matched rows into one: ``round_id`` is our round id, ``alias`` the provider's.

    Args:
        pairs: a PAIRS frame of one-sided rows, with every row that any of them is tied to.
        at: the position of each of them among the rows that were tied.
        state: of all rows that were tied.

    Raises:
        Contradiction: a row was lost, doubled or changed.
    """
    joined = _joined(pairs, present(pairs["records_ours"]), state.of(at))
    if _tally_sides(joined) != _tally_sides(pairs):
        raise Contradiction("the passes by attributes do not conserve their rows")
    return joined


def _joined(
    pairs: pd.DataFrame, is_ours: Flags, ties: tuple[Positions, Positions, Positions]
) -> pd.DataFrame:
    tie, partners, groups = ties
    keep = np.flatnonzero(is_ours | (partners < 0))
    ours, partner = is_ours[keep], partners[keep]
    positions = {
        "ours": np.where(ours, keep, -1),
        "theirs": np.where(ours, partner, keep),
    }
    columns = {name: pairs[name].array.take(keep) for name in PAIR_NAME}
    for side, at in positions.items():
        columns |= {
            name: take_or_null(pairs[name], at)
            for name in PAIRS.columns
            if name.endswith(f"_{side}")
        }
    round_ids = arrow_text(pairs["round_id"])
    sides = np.where(partner >= 0, 0, np.where(ours, 1, 2))
    columns |= {
        "side": text_from_codes(("both", "ours", "theirs"), sides),
        "tie": text_from_codes(_TIE_NAMES, tie[keep]),
        "alias": _names_at(round_ids, partner),
        "group": _names_at(round_ids, groups[keep]),
    }
    frame = pd.DataFrame({name: columns[name] for name in PAIRS.columns}, copy=False)
    return PAIRS.check(frame)


def _names_at(names: pa.Array, positions: Positions) -> object:
    """Return the names at these positions; a negative position gives an empty name."""
    selected = names.take(pa.array(positions, mask=positions < 0))
    return text_column(selected.fill_null(""))


def _tally_sides(pairs: pd.DataFrame) -> tuple[Tally, Tally]:
    """Tally the rows of either side, without repeated lines."""
    return (
        tally_columns(pairs, "stake_ours", "payout_ours", "records_ours"),
        tally_columns(pairs, "stake_theirs", "payout_theirs", "records_theirs"),
    )
