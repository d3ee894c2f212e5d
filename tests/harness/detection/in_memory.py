"""A month in memory as a comparison reads it, and all breaks that the real code finds in it.

Lists instead of tables answer the queries of the snapshot and of the cross-checks. The stored
months (``tests.detection.stored``) show on a real database that both answer alike.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, cast

import numpy as np
import pandas as pd
from sqlalchemy import Connection
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

from feeds.findings import findings_in
from reconcile.findings import (
    balance_chain,
    corrections,
    delivery_log,
    evidence,
    journal,
    unanswered,
    vanished,
)
from reconcile.findings.balance_chain import chain_breaks
from reconcile.findings.breaks import Break, breaks_from_rows
from reconcile.findings.corrections import round_corrections
from reconcile.findings.delivery_log import log_breaks
from reconcile.findings.feed import feed_breaks
from reconcile.findings.journal import journal_breaks
from reconcile.findings.unanswered import with_unanswered
from reconcile.matching.compare import compare
from reconcile.matching.comparison import Comparison
from reconcile.snapshot.edge_keys import TimedRows, find_edge_keys
from reconcile.snapshot.frames import Keys, RecordSides, Sides
from reconcile.snapshot.rules import BY_ROUND_ID, MatchContext, Rules
from reconcile.snapshot.snapshot import Snapshot
from reconcile.trials import sources
from tests.harness.detection.delivery_log import payload, read_logged
from tests.harness.detection.expected import Expected
from tests.harness.detection.memory_rows import (
    Row,
    callbacks_of,
    frame_of,
    keys_of,
    our_row,
    rounds_of,
    row_of,
    their_rows,
)
from tests.harness.detection.month import (
    BET_MATURITY,
    END,
    NOW,
    ROLLBACK_MATURITY,
    START,
    WIN_MATURITY,
    System,
)
from tests.harness.detection.world import REPLY, World
from vocabulary.ids import match_key
from vocabulary.maturity import MaturityAges
from vocabulary.window import Window

WINDOW = Window(start=START, end=END)
BY_CONTENT = Rules(attributes=True)
AGES = MaturityAges(bet=BET_MATURITY, win=WIN_MATURITY, rollback=ROLLBACK_MATURITY)


class MemorySnapshot(Snapshot):
    """One provider's side of a world, and ours."""

    def __init__(self, world: World, system: System, rules: Rules, window: Window) -> None:
        self.provider, self.window, self.system = system.value, window, system
        self.context = MatchContext(now=NOW, maturity=AGES, rules=rules)
        self._world = world
        # A declined operation moved nothing and makes no round.
        self._ops = [o for o in world.ops if o.system is system and not o.declined]
        self._lines = [line for line in world.lines if line.system is system]
        self._rounds = rounds_of(self._ops)
        self._records = Sides(
            ours=frame_of(
                [
                    our_row(ops, window, balances=rules.attributes)
                    for ops in self._rounds.values()
                ]
            ),
            theirs=frame_of(list(their_rows(self._lines, window))),
        )

    def key_rows(self, *_: Any) -> Sides:
        """Return the key rows of the window."""
        codes = sorted({*self._records.ours["currency"], *self._records.theirs["currency"]})
        return Sides(
            ours=keys_of(self._records.ours, codes), theirs=keys_of(self._records.theirs, codes)
        )

    def straddling_keys(self, *_: Any) -> Keys:
        """Return the keys of rounds with a further record outside the window."""
        theirs = self._records.theirs
        outside = theirs[~theirs["inside"] & theirs["round_id"].duplicated(keep=False)]
        return np.unique(outside["match_key"].to_numpy())

    def timed_rows(self, since: datetime, until: datetime) -> TimedRows:
        """Return the rows of a span of time."""
        rows = pd.concat([self._records.ours, self._records.theirs])
        rows = rows[(rows["began"] >= since) & (rows["began"] < until)]
        owners = map(match_key, rows["player"], rows["currency"])
        return TimedRows(
            match_key=rows["match_key"].to_numpy(),
            player_currency=np.array(list(owners), dtype=np.int64),
            at_us=rows["began"].to_numpy(dtype="datetime64[us]").view(np.int64),
        )

    def records(self, keys: Keys, *, balances: bool = True) -> RecordSides:
        """Return the full rows of these keys; balances are in memory either way."""
        sides = (self._records.ours, self._records.theirs)
        ours, theirs = (side[side["match_key"].isin(keys)] for side in sides)
        return RecordSides.of(ours, theirs)

    def query(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Answer a query of evidence or of a cross-check, recognised by its text."""
        answers: dict[str, Callable[[], Iterable[Row]]] = {
            **dict.fromkeys(
                (evidence._OPERATIONS, evidence._RECORDS, evidence._WITHDRAWN), list
            ),
            unanswered.UNANSWERED: self._unanswered,
            vanished.VANISHED: list,
            journal.TOMBSTONES: self._tombstones,
            journal.CONFLICTS: self._conflicts,
            journal.BELOW_ZERO: self._below_zero,
            balance_chain.ANY_BALANCE: lambda: [{"is_reported": True}],
            balance_chain.STEPS: self._shifts,
            **dict.fromkeys((balance_chain.EARLIER, balance_chain.LOST), list),
            corrections.CORRECTIONS: self._corrections,
            sources.BALANCES: lambda: self._balances(values),
            **dict.fromkeys((sources.BET_DETAIL, sources.BESIDE_ROUND), list),
            delivery_log.LOGGED: self._logged,
            delivery_log._JOURNAL: self._journal,
            delivery_log._PLAYERS: lambda: [
                {"handle": name, "player": name.removeprefix("h-")}
                for name in values["handles"]
            ],
        }
        return [dict(row) for row in answers[query]()]

    def _unanswered(self) -> Iterator[Row]:
        repeated = {
            key
            for system, key, verdict, _ in self._world.deliveries
            if system is self.system and verdict == "repeated"
        }
        for op in self._ops:
            if op.unanswered and op.key not in repeated:
                money = {"stake": op.stake, "payout": op.payout}
                yield {**row_of(op), **money, "cause": "commit_unknown"}

    def _tombstones(self) -> Iterator[Row]:
        by_key = {(op.key, op.kind): op for op in self._ops}
        for op in self._ops:
            if op.kind == "tombstone":
                late = [
                    n
                    for n, (system, key, verdict, _) in enumerate(self._world.deliveries)
                    if (system, key, verdict) == (self.system, op.key, "rolled_back")
                ]
                undo = by_key[f"{op.key}-undo", "rollback"]
                placed = {"placed_by": undo.key, "placed_kind": "rollback"}
                yield {**row_of(op), **placed, "times": len(late), "deliveries": late}

    def _conflicts(self) -> Iterator[Row]:
        by_key = {op.key: op for op in self._ops}
        keys = [
            key
            for system, key, verdict, at in self._world.deliveries
            if system is self.system and verdict == "conflict" and START <= at < END
        ]
        for key in sorted(set(keys)):
            yield {
                **row_of(by_key[key]),
                "times": keys.count(key),
                "deliveries": [],
                "decision": "accepted",
            }

    def _below_zero(self) -> Iterator[Row]:
        for chain in self._world.chains.values():
            if chain[-1].after >= 0:
                continue
            last = max(n for n, op in enumerate(chain) if op.after - op.amount >= 0)
            if chain[last].system is self.system:
                yield {**row_of(chain[last]), "balance": chain[-1].after}

    def _shifts(self) -> Iterator[Row]:
        reported = {
            line.round_id: line
            for line in self._lines
            if line.before is not None and START <= line.at < END and not line.rolled_back
        }
        firsts = [
            callbacks[0]
            for name, ops in self._rounds.items()
            if name in reported and (callbacks := callbacks_of(ops))
        ]
        firsts.sort(key=lambda op: (op.player, op.currency, op.seq))
        for _, wallet_ops in groupby(firsts, key=lambda op: (op.player, op.currency)):
            chain = [(op, reported[op.round_id]) for op in wallet_ops]
            shifts = [(line.before or 0) - op.after + op.amount for op, line in chain]
            for n, (op, line) in enumerate(chain):
                previous = shifts[n - 1] if n else 0
                if shifts[n] != previous:
                    yield {
                        **row_of(op),
                        "record_id": line.record_id,
                        "reported": line.before,
                        "booked": op.after - op.amount,
                        "shift": shifts[n],
                        "previous_shift": previous,
                        "is_first": n == 0,
                        "next_shift": shifts[n + 1] if n + 1 < len(shifts) else None,
                    }

    def _corrections(self) -> Iterator[Row]:
        began = {line.round_id: line.at for line in reversed(self._lines)}
        for op in self._ops:
            if op.kind == "adjustment":
                names = ("round_id", "match_key", "player", "currency")
                yield {
                    **{name: row_of(op)[name] for name in names},
                    "amount": op.amount,
                    "booked_at": op.at,
                    "began": began.get(op.round_id, op.at),
                }

    def _balances(self, asked: dict[str, Any]) -> Iterator[Row]:
        """The balances before a round, and before the next one that the provider reports."""
        reported = {
            line.round_id: line.before
            for line in self._lines
            if line.before is not None and not line.rolled_back
        }
        of_round = callbacks_of(self._rounds.get(asked["round_id"], []))
        of_round = [op for op in of_round if op.player == asked["player"]]
        if not of_round or asked["round_id"] not in reported:
            return
        net = sum(op.amount for op in of_round)
        later = [
            op
            for op in callbacks_of(self._ops)
            if (op.player, op.currency) == (asked["player"], asked["currency"])
            and op.seq > of_round[0].seq
            and op.round_id != asked["round_id"]
            and op.round_id in reported
        ]
        for op in [of_round[0], *sorted(later, key=lambda op: op.seq)[:1]]:
            booked = op.after - op.amount
            yield {"booked": booked, "reported": reported[op.round_id], "net": net}

    def _logged(self) -> Iterator[Row]:
        for n, entry in enumerate(sorted(self._world.logged, key=lambda entry: entry.at)):
            if self.system is System.XIGS:
                yield {
                    "webhook_id": "w",
                    "delivery_id": str(n),
                    "payload": json.dumps(payload(entry)).encode(),
                    "response_code": entry.code,
                    "response_body": entry.body,
                    "success": entry.code == 200,
                    "attempted_at": entry.at,
                }

    def _journal(self) -> Iterator[Row]:
        for op in self._ops:
            yield {"op_key": op.key, "reply_status": 200, "reply": REPLY}


class _Findings:
    """The findings of a feed, as a database connection would return them."""

    def __init__(self, world: World, system: System) -> None:
        self._finding_rows = [finding for finding in world.findings if finding.system is system]

    def execute(self, *_: Any) -> IteratorResult[Any]:
        rows: list[Row] = [
            {
                "id": f"fnd-{finding.kind}-{finding.file}{finding.round_id}{finding.line}",
                "provider": finding.system.value,
                "feed": "statement",
                "kind": finding.kind,
                "severity": "error",
                "file": finding.file or None,
                "line": finding.line,
                "record_id": None,
                "round_id": finding.round_id,
                "currency": finding.currency,
                "difference": finding.difference,
                "covers_from": None,
                "covers_to": None,
                "detail": "",
                "evidence": {},
                "first_seen": NOW,
                "last_seen": NOW,
                "resolved_at": None,
                "resolved_by": None,
            }
            for finding in self._finding_rows
        ]
        columns = SimpleResultMetaData(tuple(rows[0]) if rows else ())
        return IteratorResult(columns, iter([tuple(row.values()) for row in rows]))


def find_breaks(world: World, system: System, window: Window = WINDOW) -> list[Expected]:
    """Find every break of one provider with the real passes, checks and cross-checks."""
    snapshot = memory_snapshot(world, system, window)
    breaks = breaks_in(snapshot, world, compare_all(snapshot))
    return sorted(readable(break_, system) for break_ in breaks)


def memory_snapshot(world: World, system: System, window: Window = WINDOW) -> "MemorySnapshot":
    """Return one provider's side of a world, and ours, as a run reads them."""
    rules = BY_CONTENT if system is System.UNNAMED else BY_ROUND_ID
    return MemorySnapshot(world, system, rules, window)


def compare_all(snapshot: Snapshot) -> Comparison:
    """Compare the whole window."""
    return compare(
        snapshot.key_rows(),
        suspect=snapshot.straddling_keys(),
        fetch=snapshot.records,
        context=snapshot.context,
        edge_keys=find_edge_keys(snapshot.timed_rows, snapshot.window, snapshot.context.rules),
    )


def breaks_in(snapshot: Snapshot, world: World, comparison: Comparison) -> list[Break]:
    """Return the breaks of rounds, and those of cross-checks that no round explains."""
    system = System(snapshot.provider)
    rows = with_unanswered(snapshot, comparison.break_rows)
    of_rounds = list(breaks_from_rows(rows, provider=system, exponents={}, now=NOW))
    booked = round_corrections(snapshot)
    breaks = journal_breaks(snapshot, {}, of_rounds, booked)
    if system is not System.UNNAMED:
        breaks += chain_breaks(snapshot, {}, of_rounds, booked)
    if system is System.XIGS:
        breaks += log_breaks(snapshot, {}, of_rounds, read_logged, booked)
    connection = cast("Connection", _Findings(world, system))
    findings = findings_in(connection, system, snapshot.window)
    return [*of_rounds, *breaks, *feed_breaks(findings, snapshot, of_rounds, booked)]


def readable(break_: Break, system: System) -> Expected:
    """Return a break without what no plan can predict: ids, explanations, instants."""
    return Expected(
        system=system.value,
        kind=break_.kind.value,
        round_id=break_.round_id,
        player=break_.player,
        currency=break_.currency,
        difference=break_.difference,
        impact=break_.impact.value,
    )
