"""A snapshot that reads as if corrections were booked already; nothing is written.

The corrections change what is read: our row of the round, the list of booked corrections, and
the wallets below zero. So every rule of a run judges them, and no transaction holds a lock that
a receiver waits for.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd

from reconcile.findings.corrections import CORRECTIONS, RoundCorrection
from reconcile.findings.journal import BELOW_ZERO
from reconcile.snapshot.arrays import Flags, texts
from reconcile.snapshot.columns import Columns
from reconcile.snapshot.edge_keys import TimedRows
from reconcile.snapshot.frames import KEYS, RECORDS, Keys, RecordSides, Sides
from reconcile.snapshot.key_ranges import ALL_KEYS, KeyRange
from reconcile.snapshot.shared_rounds import player_of_share, round_of, share_name
from reconcile.snapshot.snapshot import Snapshot

_Frames = TypeVar("_Frames")
#: The bit of a rollback in ``holds``, see ``vocabulary.maturity``.
_ROLLBACK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedCorrections:
    """The corrections of one break that are tried; amounts are signed minor units.

    Attributes:
        round_id: our round; corrections outside it move only the wallet.
        began: when the round began, as far as it is known.
        stake, payout: what they add to our round.
        amount: what they move to the player in all.
        balance: of the wallet before.
    """

    round_id: str
    match_key: int
    player: str
    currency: str
    began: datetime
    stake: int
    payout: int
    amount: int
    balance: int


class CachingSnapshot(Snapshot):
    """Another snapshot that reads nothing twice: nothing can change within a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.provider = snapshot.provider
        self.window = snapshot.window
        self.context = snapshot.context
        self._snapshot = snapshot
        self._results: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._frames: dict[tuple[object, ...], Any] = {}

    def key_rows(self, key_range: KeyRange = ALL_KEYS) -> Sides:
        """Read the key rows of the window."""
        return self._once(("key rows", key_range), lambda: self._snapshot.key_rows(key_range))

    def straddling_keys(self, key_range: KeyRange = ALL_KEYS) -> Keys:
        """Return the keys of rounds with a further record outside the window."""
        return self._once(
            ("straddling", key_range), lambda: self._snapshot.straddling_keys(key_range)
        )

    def timed_rows(self, since: datetime, until: datetime) -> TimedRows:
        """Read when rows of either side began in a span of time."""
        return self._snapshot.timed_rows(since, until)

    def records(self, keys: Keys, *, balances: bool = True) -> RecordSides:
        """Read the full rows of these keys."""
        key = ("records", keys.tobytes(), balances)
        return self._once(key, lambda: self._snapshot.records(keys, balances=balances))

    def query(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Run a query of few rows, or return what it returned before."""
        key = query, repr(sorted(values.items()))
        if key not in self._results:
            self._results[key] = self._snapshot.query(query, **values)
        return [dict(row) for row in self._results[key]]

    def _once(self, key: tuple[object, ...], read: Callable[[], _Frames]) -> _Frames:
        """What ``read`` returns, or returned before; nobody changes frames in place."""
        if key not in self._frames:
            self._frames[key] = read()
        return cast(_Frames, self._frames[key])


class CorrectedSnapshot(CachingSnapshot):
    """Another snapshot with corrections in place."""

    def __init__(self, snapshot: Snapshot, tried: TriedCorrections) -> None:
        super().__init__(snapshot)
        self._tried = tried

    def key_rows(self, key_range: KeyRange = ALL_KEYS) -> Sides:
        """Read the key rows of the window, the corrected round among them."""
        return self._with_key_row(super().key_rows(key_range))

    def records(self, keys: Keys, *, balances: bool = True) -> RecordSides:
        """Read the full rows of these keys, the corrected round among them."""
        sides = super().records(keys, balances=balances)
        if not self._changes_round or self._tried.match_key not in keys:
            return sides
        return RecordSides(ours=self._corrected(sides), theirs=sides.theirs)

    def query(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Run a query of few rows; the corrections count as booked now."""
        rows = super().query(query, **values)
        if query == CORRECTIONS and self._changes_round:
            return [*rows, asdict(self._booked())]
        return self._below_zero(rows) if query == BELOW_ZERO else rows

    @property
    def _changes_round(self) -> bool:
        return bool(self._tried.stake or self._tried.payout)

    def _booked(self) -> RoundCorrection:
        tried = self._tried
        return RoundCorrection(
            round_id=tried.round_id,
            match_key=tried.match_key,
            player=tried.player,
            currency=tried.currency,
            amount=tried.payout - tried.stake,
            booked_at=self.context.now,
            began=tried.began,
        )

    def _below_zero(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the wallets below zero as they would be with the corrections booked."""
        tried = self._tried
        balance = tried.balance + tried.amount
        owner = (tried.player, tried.currency)
        others = [row for row in rows if (row["player"], row["currency"]) != owner]
        own = [row for row in rows if (row["player"], row["currency"]) == owner]
        if balance >= 0:
            return others
        if tried.balance >= 0:  # the correction itself would take it below
            own = [
                {
                    "op_key": "the correction",
                    "kind": "adjustment",
                    "round_id": tried.round_id,
                    "match_key": tried.match_key,
                    "player": tried.player,
                    "currency": tried.currency,
                    "received_at": self.context.now,
                }
            ]
        return [*others, *({**row, "balance": balance} for row in own)]

    def _with_key_row(self, sides: Sides) -> Sides:
        """Replace the key rows of the round by those of its corrected full rows."""
        ours, key = Columns.of(sides.ours), self._tried.match_key
        of_round = ours["match_key"] == key
        if not self._changes_round or not of_round.any():
            return sides
        frame = self._key_rows_of_round(ours.where(of_round)).frame()
        if not of_round.all():
            frame = pd.concat([sides.ours[~of_round], frame], ignore_index=True)
            frame = frame.sort_values("match_key", kind="stable", ignore_index=True)
        return Sides(ours=KEYS.check(frame), theirs=sides.theirs)

    def _key_rows_of_round(self, booked: Columns) -> Columns:
        """Return the key rows of the corrected round in place of those that are booked."""
        key = self._tried.match_key
        records = self.records(booked["match_key"]).ours
        inside = records.where((records["match_key"] == key) & records["inside"])
        stands = ~inside["rolled_back"]
        categories = booked["currency"].categories
        return Columns(
            {
                "match_key": inside["match_key"],
                "stake": inside["stake"] * stands,
                "payout": inside["payout"] * stands,
                "currency": pd.Categorical(inside["currency"], categories=categories),
                "player_hash": booked["player_hash"],
                "odd": np.ones(len(inside), dtype=bool),  # compared in full
            }
        )

    def _corrected(self, sides: RecordSides) -> Columns:
        """Add the corrections to our row of the round, or make the row."""
        tried, ours = self._tried, sides.ours
        is_row = of_owner(ours, tried) & (ours["match_key"] == tried.match_key)
        if not is_row.any():
            frame = ours.frame()
            new_row = self._new_row(frame, self._row_name(sides))
            extended = pd.concat([frame, new_row], ignore_index=True)
            return RECORDS.check(Columns.of(extended))
        at = int(np.flatnonzero(is_row)[0])
        changed = ("stake", "payout", "declared_stake", "declared_payout", "rolled_back")
        columns = {name: ours[name].copy() for name in changed}
        for side, change in (("stake", tried.stake), ("payout", tried.payout)):
            amounts, declared = columns[side], columns[f"declared_{side}"]
            # A round end declares what the callbacks moved.
            if declared[at] is not pd.NA and declared[at] == amounts[at]:
                declared[at] += change
            amounts[at] += change
        holds = ours["holds"][at]
        was_undone = holds is not pd.NA and bool(int(holds) & _ROLLBACK)
        moved = bool(columns["stake"][at] or columns["payout"][at])
        columns["rolled_back"][at] = was_undone and not moved
        return RECORDS.check(ours.assign(**columns))

    def _row_name(self, sides: RecordSides) -> str:
        """Return the name of our row: it is a share where other players have rows."""
        tried = self._tried
        names = (*texts(sides.ours["round_id"]), *texts(sides.theirs["round_id"]))
        shares = {name for name in names if player_of_share(name)}
        is_shared = tried.round_id in map(round_of, shares)
        return share_name(tried.round_id, tried.player) if is_shared else tried.round_id

    def _new_row(self, like: pd.DataFrame, name: str) -> pd.DataFrame:
        """Return our row of a round that only the corrections would make."""
        tried, now = self._tried, self.context.now
        values: dict[str, Any] = {
            **dict.fromkeys(RECORDS.columns),
            "match_key": tried.match_key,
            "round_id": name,
            "record_id": f"{tried.round_id} corrected",
            "occurrence": 1,
            "player": tried.player,
            "currency": tried.currency,
            "stake": tried.stake,
            "payout": tried.payout,
            "rolled_back": False,
            "began": now,
            "at": now,
            "overdue": False,
            "inside": False,  # it has no key row
        }
        return pd.DataFrame([values]).astype(like.dtypes.to_dict())


def of_owner(records: Columns, tried: TriedCorrections) -> Flags:
    """Flag the records of the player and currency of the corrections."""
    flags: Flags = (texts(records["player"]) == tried.player) & (
        texts(records["currency"]) == tried.currency
    )
    return flags
