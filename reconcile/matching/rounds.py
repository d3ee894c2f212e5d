"""The second pass: fold each side's records into rounds and join the rounds by id.

``fold`` makes one row of all records that a side has of a round, and ``pair`` joins both sides
by round id and currency. Like the exact pass, this one can be split by ranges of ``match_key``.
"""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.snapshot.arrays import (
    Amounts,
    Flags,
    Positions,
    arrow_text,
    changes,
    instant_column,
    integers,
    microseconds,
    present,
    sort_order,
    take_or_null,
    text_column,
    text_from_codes,
    texts,
)
from reconcile.snapshot.columns import Columns, Rows, taken, taken_texts
from reconcile.snapshot.frames import PAIR_NAME, PAIRS, VIEW
from vocabulary.maturity import ANY_KIND

#: The tie of rows joined by their round id.
NAME = "name"

_LEAST = np.iinfo(np.int64).min


def fold(records: Rows, *, edge: bool = False, nets: bool = False) -> Columns:
    """Fold the records of one side into the columns of VIEW, ordered by round id and currency.

    The amounts of a round are the sums over its records. A round with any rolled back record
    moved nothing. Repeated lines with one record id are summed apart, as extras.

    Args:
        records: a RECORDS frame of whole rounds.
        edge: whether these are edge rounds, outside the window.
        nets: whether each record is what its rollbacks left of a wallet, as ours are: one that
            is rolled back says nothing of the round in another currency.
    """
    ordered = _OrderedRecords(Columns.of(records), nets=nets)
    columns = {
        **ordered.named(),
        **ordered.sums(),
        **ordered.balances(),
        **ordered.declared(),
        **ordered.times(),
        **ordered.maturity(),
        **ordered.first_wrong(),
        "edge": np.full(len(ordered.starts), edge),
    }
    return VIEW.check(Columns({name: columns[name] for name in VIEW.columns}))


class _OrderedRecords:
    """Records in a total order, as arrays, grouped by round and currency.

    Attributes:
        order: positions of the records, by round, currency, record id and occurrence.
        starts: where each group starts in that order.
    """

    def __init__(self, records: Columns, *, nets: bool) -> None:
        self._records = records
        names = {n: arrow_text(records[n]) for n in ("round_id", "currency", "record_id")}
        self.order = sort_order(pa.table({**names, "occurrence": records["occurrence"]}))
        opens = changes(taken_texts(names["round_id"], self.order))
        self._round = np.cumsum(opens) - 1
        self._round_starts = np.flatnonzero(opens)
        begins = opens | changes(taken_texts(names["currency"], self.order))
        self.starts = np.flatnonzero(begins)
        self._numbers = np.cumsum(begins) - 1
        self._nets = nets
        self._first, self._last = self._ends()

    def _ends(self) -> tuple[Positions, Positions]:
        """Return the positions of each group's first and last record in time."""
        in_time = np.lexsort((self._microseconds("began"), self._numbers))
        ends = np.append(self.starts, len(self.order))[1:]
        return in_time[self.starts], in_time[ends - 1]

    def _integers(self, name: str) -> Amounts:
        return integers(self._records[name])[self.order]

    def _present(self, name: str) -> Flags:
        return present(self._records[name])[self.order]

    def _microseconds(self, name: str) -> Amounts:
        return microseconds(self._records[name])[self.order]

    def _any(self, flags: Flags) -> Flags:
        return np.logical_or.reduceat(flags, self.starts) if len(flags) else flags

    def named(self) -> dict[str, Any]:
        """Return round, currency, key and player of each group; the first of several."""
        at = self.order[self.starts]
        players = taken_texts(arrow_text(self._records["player"]), self.order)
        encoded = players.dictionary_encode()
        rank = np.argsort(sort_order(pa.table({"name": encoded.dictionary})))
        ranks = rank[encoded.indices.to_numpy()]
        ordered = np.lexsort((ranks, self._numbers))
        distinct = changes(self._numbers[ordered], ranks[ordered])
        lowest = self.order[ordered[self.starts]]
        return {
            **{name: taken(self._records[name], at) for name in ("round_id", "currency")},
            "match_key": self._integers("match_key")[self.starts],
            "player": taken(self._records["player"], lowest),
            "players": np.add.reduceat(distinct.astype(np.int64), self.starts),
        }

    def sums(self) -> dict[str, Any]:
        """Return amounts and counts."""
        stake, payout = self._integers("stake"), self._integers("payout")
        rolled_back = self._integers("rolled_back") != 0
        starts, numbers = self._round_starts, self._round
        if self._nets:
            starts, numbers = self.starts, self._numbers
        standing = ~np.logical_or.reduceat(rolled_back, starts)[numbers]
        extra = self._integers("occurrence") > 1
        columns = {
            "stake": np.where(standing & ~extra, stake, 0),
            "payout": np.where(standing & ~extra, payout, 0),
            "extra_stake": np.where(standing & extra, stake, 0),
            "extra_payout": np.where(standing & extra, payout, 0),
            "records": np.ones(len(stake), dtype=np.int64),
            "extras": extra.astype(np.int64),
        }
        sums = {name: np.add.reduceat(values, self.starts) for name, values in columns.items()}
        return {**sums, "rolled_back": ~standing[self.starts]}

    def balances(self) -> dict[str, Any]:
        """Return the balance before the first record and after the last; null if absent."""
        ends = {"balance_before": self._first, "balance_after": self._last}
        return {
            name: pd.arrays.IntegerArray(self._integers(name)[rows], ~self._present(name)[rows])
            for name, rows in ends.items()
        }

    def declared(self) -> dict[str, Any]:
        """Return the control totals; the largest, if several records name one."""
        columns = {}
        for name in ("declared_stake", "declared_payout"):
            named = self._present(name)
            values = np.where(named, self._integers(name), _LEAST)
            largest = np.maximum.reduceat(values, self.starts)
            columns[name] = pd.arrays.IntegerArray(largest, ~self._any(named))
        return columns

    def times(self) -> dict[str, Any]:
        """Return when the round began, its last activity, and whether it is overdue."""
        return {
            "began": taken(self._records["began"], self.order[self._first]),
            "at": self._last_activity(),
            "overdue": self._any(self._integers("overdue") != 0),
        }

    def _last_activity(self) -> Any:
        if len(self.starts) == len(self.order):  # each round has one record
            return taken(self._records["at"], self.order)
        return instant_column(np.maximum.reduceat(self._microseconds("at"), self.starts))

    def maturity(self) -> dict[str, Any]:
        """Return the kinds of operation in each group, and its immature movements."""
        holds = np.where(self._present("holds"), self._integers("holds"), ANY_KIND)
        return {
            "holds": np.bitwise_or.reduceat(holds, self.starts) if len(holds) else holds,
            "immature": text_column(pa.array(self._immature(), type=pa.large_string())),
        }

    def _immature(self) -> list[str]:
        """Join the immature movements of each group; repeated lines do not count."""
        by_group = [""] * len(self.starts)
        movements = texts(self._records["immature"].fillna(""))[self.order]
        counts = (movements != "") & (self._integers("occurrence") == 1)
        for row in np.flatnonzero(counts):
            number = self._numbers[row]
            before = by_group[number]
            by_group[number] = f"{before};{movements[row]}" if before else movements[row]
        return by_group

    def first_wrong(self) -> dict[str, Any]:
        """Return whether any record contradicts itself, and quote the first that does."""
        wrong = self._wrong()
        positions = np.where(wrong, np.arange(len(wrong)), len(wrong))
        first = np.minimum.reduceat(positions, self.starts)
        none_wrong = first == len(wrong)
        rows = np.where(none_wrong, 0, first)
        net = (self._integers("payout") - self._integers("stake"))[rows]
        quoted = {
            "wrong_declared": "declared_net",
            "wrong_before": "balance_before",
            "wrong_after": "balance_after",
        }
        return {
            "wrong": ~none_wrong,
            "wrong_net": pd.arrays.IntegerArray(net, none_wrong),
            **{
                name: pd.arrays.IntegerArray(
                    self._integers(source)[rows], none_wrong | ~self._present(source)[rows]
                )
                for name, source in quoted.items()
            },
        }

    def _wrong(self) -> Flags:
        """Flag the records whose declared net or balances contradict stake and payout."""
        net = self._integers("payout") - self._integers("stake")
        by_net = self._present("declared_net") & (self._integers("declared_net") != net)
        moved = self._integers("balance_after") - self._integers("balance_before")
        has_both = self._present("balance_after") & self._present("balance_before")
        standing = self._integers("rolled_back") == 0
        wrong: Flags = by_net | (has_both & standing & (moved != net))
        return wrong


def pair(ours: Columns, theirs: Columns) -> Columns:
    """Join two sides' columns of VIEW by round id and currency into ordered ones of PAIRS."""
    VIEW.check(ours)
    VIEW.check(theirs)
    names = {
        name: pa.concat_arrays([arrow_text(ours[name]), arrow_text(theirs[name])])
        for name in ("round_id", "currency")
    }
    order = sort_order(pa.table(names))
    ordered = {name: taken_texts(values, order) for name, values in names.items()}
    starts = np.flatnonzero(changes(*ordered.values()))
    first = order[starts]
    both = np.diff(np.append(starts, len(order))) == 2
    second = np.where(both, order[np.minimum(starts + 1, len(order) - 1)], first)
    at_ours = np.where(first < len(ours), first, -1)
    at_theirs = np.where(second >= len(ours), second - len(ours), -1)
    assert len(ours) == int((at_ours >= 0).sum())
    assert len(theirs) == int((at_theirs >= 0).sum())
    named = {name: text_column(taken_texts(values, starts)) for name, values in ordered.items()}
    named["match_key"] = _match_keys(ours, theirs, at_ours, at_theirs)
    return _pairs(named, (ours, at_ours), (theirs, at_theirs), both)


def _match_keys(
    ours: Columns, theirs: Columns, at_ours: Positions, at_theirs: Positions
) -> Amounts:
    keys = np.zeros(len(at_ours), dtype=np.int64)
    for view, positions in ((theirs, at_theirs), (ours, at_ours)):
        present_rows = positions >= 0
        keys[present_rows] = view["match_key"][positions[present_rows]]
    return keys


def _pairs(
    named: dict[str, Any],
    ours: tuple[Columns, Positions],
    theirs: tuple[Columns, Positions],
    both: Flags,
) -> Columns:
    columns = dict(named)
    for side, (view, positions) in (("ours", ours), ("theirs", theirs)):
        for name in VIEW.columns:
            if name not in PAIR_NAME:
                columns[f"{name}_{side}"] = take_or_null(view[name], positions)
    sides = np.where(both, 0, np.where(ours[1] >= 0, 1, 2))
    columns["side"] = text_from_codes(("both", "ours", "theirs"), sides)
    columns["tie"] = text_from_codes(("", NAME), both.astype(np.intp))
    empty = text_from_codes(("",), np.zeros(len(both), dtype=np.intp))
    columns["alias"] = columns["group"] = empty
    return PAIRS.check(Columns({name: columns[name] for name in PAIRS.columns}))
