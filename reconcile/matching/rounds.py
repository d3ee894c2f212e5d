"""The second pass: whole rounds, netted on either side and joined by their name.

``fold`` makes one row of everything a side tells of a round, however many lines or operations
that are on either side, and ``pair`` joins the two by the round's text. Its partition is a
range of ``match_key``, like the exact pass's.
"""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reconcile.snapshot.arrays import (
    Amounts,
    Flags,
    Places,
    changes,
    instants,
    known,
    maybe,
    moments,
    numbers,
    sort_places,
    taken,
    text_of,
    texts,
    words,
)
from reconcile.snapshot.frames import PAIR_NAME, PAIRS, VIEW
from vocabulary.maturity import ANY_KIND

#: The tie of rows joined by the name of their round.
NAME = "name"

_LEAST = np.iinfo(np.int64).min


def fold(records: pd.DataFrame, *, beyond: bool = False) -> pd.DataFrame:
    """One side's view of its rounds from its records: a VIEW frame, ordered by its key.

    ``beyond`` says that the rounds lie beyond the window.

    The amounts of a round are the sums over its records. A round that any record calls rolled
    back moved nothing. Lines repeated under one id are summed apart, as extras.
    """
    lines = _Lines(records)
    columns = {
        **lines.named(),
        **lines.sums(),
        **lines.balances(),
        **lines.declared(),
        **lines.times(),
        **lines.waits(),
        **lines.first_wrong(),
        "beyond": np.full(len(lines.starts), beyond),
    }
    return VIEW.check(pd.DataFrame({name: columns[name] for name in VIEW.columns}, copy=False))


class _Lines:
    """Records in a total order, as arrays, cut where a round in a currency begins.

    Attributes:
        order: places of the records in the frame, by round, currency, record and occurrence.
        starts: where each round in a currency begins in that order.
    """

    def __init__(self, records: pd.DataFrame) -> None:
        self._records = records
        names = ("round_id", "currency", "record_id")
        table = pa.table(
            {
                **{name: words(records[name]) for name in names},
                "occurrence": records["occurrence"].to_numpy(),
            }
        )
        self.order = sort_places(table)
        told = table.select(["round_id", "currency"]).take(self.order).combine_chunks()
        rounds = _whole(told["round_id"])
        opens = changes(rounds)
        self._round = np.cumsum(opens) - 1
        self._round_starts = np.flatnonzero(opens)
        begins = opens | changes(_whole(told["currency"]))
        self.starts = np.flatnonzero(begins)
        self._number = np.cumsum(begins) - 1
        self._first, self._last = self._ends()

    def _ends(self) -> tuple[Places, Places]:
        """Places of each round's first and last line in time."""
        in_time = np.lexsort((self._times("began"), self._number))
        after = np.append(self.starts, len(self.order))[1:]
        return in_time[self.starts], in_time[after - 1]

    def _value(self, name: str) -> Amounts:
        return numbers(self._records[name])[self.order]

    def _known(self, name: str) -> Flags:
        return known(self._records[name])[self.order]

    def _times(self, name: str) -> Amounts:
        return instants(self._records[name])[self.order]

    def _any(self, flags: Flags) -> Flags:
        return np.logical_or.reduceat(flags, self.starts) if len(flags) else flags

    def named(self) -> dict[str, Any]:
        """What names each round, and whose it is."""
        at = self.order[self.starts]
        encoded = words(self._records["player"]).take(self.order).dictionary_encode()
        rank = np.argsort(sort_places(pa.table({"name": encoded.dictionary})))
        players = rank[encoded.indices.to_numpy()]
        ordered = np.lexsort((players, self._number))
        distinct = changes(self._number[ordered], players[ordered])
        lowest = self.order[ordered[self.starts]]
        return {
            **{name: self._records[name].array.take(at) for name in ("round_id", "currency")},
            "match_key": self._value("match_key")[self.starts],
            "player": self._records["player"].array.take(lowest),
            "players": np.add.reduceat(distinct.astype(np.int64), self.starts),
        }

    def sums(self) -> dict[str, Any]:
        """Amounts and counts."""
        stake, payout = self._value("stake"), self._value("payout")
        undone = np.logical_or.reduceat(self._value("rolled_back") != 0, self._round_starts)
        stands = ~undone[self._round]
        extra = self._value("occurrence") > 1
        told = {
            "stake": np.where(stands & ~extra, stake, 0),
            "payout": np.where(stands & ~extra, payout, 0),
            "extra_stake": np.where(stands & extra, stake, 0),
            "extra_payout": np.where(stands & extra, payout, 0),
            "records": np.ones(len(stake), dtype=np.int64),
            "extras": extra.astype(np.int64),
        }
        sums = {name: np.add.reduceat(each, self.starts) for name, each in told.items()}
        return {**sums, "rolled_back": ~stands[self.starts]}

    def balances(self) -> dict[str, Any]:
        """Before a round's first line and after its last; null where one is silent."""
        ends = {"balance_before": self._first, "balance_after": self._last}
        return {
            name: maybe(self._value(name)[at], ~self._known(name)[at])
            for name, at in ends.items()
        }

    def declared(self) -> dict[str, Any]:
        """Control totals, the largest of those that were named."""
        told = {}
        for name in ("declared_stake", "declared_payout"):
            named = self._known(name)
            most = np.maximum.reduceat(np.where(named, self._value(name), _LEAST), self.starts)
            told[name] = maybe(most, ~self._any(named))
        return told

    def times(self) -> dict[str, Any]:
        """From the first sign of life to the last."""
        return {
            "began": moments(np.minimum.reduceat(self._times("began"), self.starts)),
            "at": moments(np.maximum.reduceat(self._times("at"), self.starts)),
            "overdue": self._any(self._value("overdue") != 0),
        }

    def waits(self) -> dict[str, Any]:
        """The kinds of operation that each holds, and what of it is young."""
        held = np.where(self._known("holds"), self._value("holds"), ANY_KIND)
        return {
            "holds": np.bitwise_or.reduceat(held, self.starts) if len(held) else held,
            "young": pd.array(self._young(), dtype="str"),
        }

    def _young(self) -> list[str]:
        """Young movements of the lines that count, gathered by round and currency."""
        told = [""] * len(self.starts)
        lines = self._records["young"].fillna("").to_numpy(dtype=object)[self.order]
        counts = (lines != "") & (self._value("occurrence") == 1)
        for at in np.flatnonzero(counts):
            number = self._number[at]
            told[number] = f"{told[number]};{lines[at]}" if told[number] else lines[at]
        return told

    def first_wrong(self) -> dict[str, Any]:
        """Whether any line contradicts itself, and what the first of those says."""
        wrong = self._wrong()
        places = np.where(wrong, np.arange(len(wrong)), len(wrong))
        first = np.minimum.reduceat(places, self.starts)
        silent = first == len(wrong)
        at = np.where(silent, 0, first)
        quoted = {
            "wrong_declared": "declared_net",
            "wrong_before": "balance_before",
            "wrong_after": "balance_after",
        }
        return {
            "wrong": ~silent,
            "wrong_net": maybe((self._value("payout") - self._value("stake"))[at], silent),
            **{
                name: maybe(self._value(told)[at], silent | ~self._known(told)[at])
                for name, told in quoted.items()
            },
        }

    def _wrong(self) -> Flags:
        """Whether the declared net or the balances disagree with stake and payout."""
        net = self._value("payout") - self._value("stake")
        by_net = self._known("declared_net") & (self._value("declared_net") != net)
        moved = self._value("balance_after") - self._value("balance_before")
        both = self._known("balance_after") & self._known("balance_before")
        stands = self._value("rolled_back") == 0
        wrong: Flags = by_net | (both & stands & (moved != net))
        return wrong


def _whole(told: Any) -> pa.Array:
    return told.combine_chunks() if isinstance(told, pa.ChunkedArray) else told


def pair(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Both views side by side, one row per (round, currency): a PAIRS frame, ordered."""
    VIEW.check(ours)
    VIEW.check(theirs)
    names = pa.table(
        {
            name: pa.concat_arrays([words(ours[name]), words(theirs[name])])
            for name in ("round_id", "currency")
        }
    )
    order = sort_places(names)
    told = names.take(order).combine_chunks()
    starts = np.flatnonzero(changes(*(_whole(told[name]) for name in names.column_names)))
    first = order[starts]
    twice = np.diff(np.append(starts, len(order))) == 2
    second = np.where(twice, order[np.minimum(starts + 1, len(order) - 1)], first)
    at_ours = np.where(first < len(ours), first, -1)
    at_theirs = np.where(second >= len(ours), second - len(ours), -1)
    assert len(ours) == int((at_ours >= 0).sum())
    assert len(theirs) == int((at_theirs >= 0).sum())
    named = {name: texts(_whole(told[name]).take(starts)) for name in names.column_names}
    named["match_key"] = _keys(ours, theirs, at_ours, at_theirs)
    return _paired(named, (ours, at_ours), (theirs, at_theirs), twice)


def _keys(ours: pd.DataFrame, theirs: pd.DataFrame, mine: Places, yours: Places) -> Amounts:
    keys = np.zeros(len(mine), dtype=np.int64)
    keys[yours >= 0] = theirs["match_key"].to_numpy()[yours[yours >= 0]]
    keys[mine >= 0] = ours["match_key"].to_numpy()[mine[mine >= 0]]
    return keys


def _paired(
    named: dict[str, Any],
    ours: tuple[pd.DataFrame, Places],
    theirs: tuple[pd.DataFrame, Places],
    both: Flags,
) -> pd.DataFrame:
    columns = dict(named)
    for side, (view, at) in (("ours", ours), ("theirs", theirs)):
        for name in VIEW.columns:
            if name not in PAIR_NAME:
                columns[f"{name}_{side}"] = taken(view[name], at)
    sides = np.where(both, 0, np.where(ours[1] >= 0, 1, 2))
    nothing = np.zeros(len(both), dtype=np.intp)
    columns["side"] = text_of(("both", "ours", "theirs"), sides)
    columns["tie"] = text_of(("", NAME), both.astype(np.intp))
    columns["alias"] = columns["group"] = text_of(("",), nothing)
    frame = pd.DataFrame({name: columns[name] for name in PAIRS.columns}, copy=False)
    return PAIRS.check(frame)
