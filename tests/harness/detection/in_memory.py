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

from reconcile.findings import balance_chain, delivery_log, evidence, journal, unanswered
from reconcile.findings.balance_chain import chain_breaks
from reconcile.findings.breaks import Break, breaks_from_frame
from reconcile.findings.delivery_log import log_breaks
from reconcile.findings.feed import feed_breaks
from reconcile.findings.journal import journal_breaks
from reconcile.findings.unanswered import with_unanswered
from reconcile.matching.compare import compare
from reconcile.snapshot.edge_keys import TimedRows, find_edge_keys
from reconcile.snapshot.frames import KEYS, RECORDS, Keys, Sides
from reconcile.snapshot.rules import BY_ROUND_ID, MatchContext, Rules
from reconcile.snapshot.snapshot import Snapshot
from tests.harness.detection.delivery_log import payload, read_logged
from tests.harness.detection.expected import Expected
from tests.harness.detection.immature import (
    immature_in_line,
    immature_in_round,
    kinds_in_line,
    kinds_in_round,
)
from tests.harness.detection.month import (
    BET_MATURITY,
    END,
    NOW,
    OPEN_AFTER,
    ROLLBACK_MATURITY,
    START,
    WIN_MATURITY,
    System,
)
from tests.harness.detection.world import REPLY, Line, Op, World
from vocabulary.ids import match_key
from vocabulary.maturity import MaturityAges
from vocabulary.window import Window

WINDOW = Window(start=START, end=END)
OVERDUE = NOW - OPEN_AFTER
BY_CONTENT = Rules(attributes=True)
AGES = MaturityAges(bet=BET_MATURITY, win=WIN_MATURITY, rollback=ROLLBACK_MATURITY)

_KINDS = {
    name: "datetime64[us, UTC]" if kind == "instant" else {"text": "str"}.get(kind, kind)
    for name, kind in RECORDS.columns.items()
}
Row = dict[str, Any]


class MemorySnapshot(Snapshot):
    """One provider's side of a world, and ours."""

    def __init__(self, world: World, system: System, rules: Rules, window: Window) -> None:
        self.provider, self.window, self.system = system.value, window, system
        self.context = MatchContext(now=NOW, maturity=AGES, rules=rules)
        self._world = world
        # A declined operation moved nothing and makes no round.
        self._ops = [o for o in world.ops if o.system is system and not o.declined]
        self._lines = [line for line in world.lines if line.system is system]
        self._rounds = _rounds(self._ops)
        self._records = Sides(
            ours=_frame(
                [
                    _our_row(ops, window, balances=rules.attributes)
                    for ops in self._rounds.values()
                ]
            ),
            theirs=_frame(list(_their_rows(self._lines, window))),
        )

    def key_rows(self, *_: Any) -> Sides:
        """Return the key rows of the window."""
        codes = sorted({*self._records.ours["currency"], *self._records.theirs["currency"]})
        return Sides(
            ours=_keys(self._records.ours, codes), theirs=_keys(self._records.theirs, codes)
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

    def records(self, keys: Keys) -> Sides:
        """Return the full rows of these keys."""
        ours, theirs = self._records.ours, self._records.theirs
        return Sides(
            ours=ours[ours["match_key"].isin(keys)].reset_index(drop=True),
            theirs=theirs[theirs["match_key"].isin(keys)].reset_index(drop=True),
        )

    def query(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Answer a query of evidence or of a cross-check, recognised by its text."""
        answers: dict[str, Callable[[], Iterable[Row]]] = {
            evidence._OPERATIONS: list,
            evidence._RECORDS: list,
            evidence._WITHDRAWN: list,
            unanswered._UNANSWERED: self._unanswered,
            journal._TOMBSTONES: self._tombstones,
            journal._CONFLICTS: self._conflicts,
            journal._BELOW_ZERO: self._below_zero,
            balance_chain._STEPS: self._shifts,
            delivery_log._LOGGED: self._logged,
            delivery_log._JOURNAL: self._journal,
            delivery_log._PLAYERS: lambda: (
                {"handle": handle, "player": handle.removeprefix("h-")}
                for handle in values["handles"]
            ),
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
                amounts = {"stake": op.stake, "payout": op.payout}
                yield {**_row(op), **amounts, "cause": "commit_unknown"}

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
                yield {**_row(op), **placed, "times": len(late), "deliveries": late}

    def _conflicts(self) -> Iterator[Row]:
        by_key = {op.key: op for op in self._ops}
        keys = [
            key
            for system, key, verdict, at in self._world.deliveries
            if system is self.system and verdict == "conflict" and START <= at < END
        ]
        for key in sorted(set(keys)):
            yield {
                **_row(by_key[key]),
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
                yield {**_row(chain[last]), "balance": chain[-1].after}

    def _shifts(self) -> Iterator[Row]:
        reported = {
            line.round_id: line
            for line in self._lines
            if line.before is not None and START <= line.at < END and not line.rolled_back
        }
        firsts = [ops[0] for name, ops in self._rounds.items() if name in reported]
        firsts.sort(key=lambda op: (op.player, op.currency, op.seq))
        for _, wallet_ops in groupby(firsts, key=lambda op: (op.player, op.currency)):
            chain = [(op, reported[op.round_id]) for op in wallet_ops]
            shifts = [(line.before or 0) - op.after + op.amount for op, line in chain]
            for n, (op, line) in enumerate(chain):
                previous = shifts[n - 1] if n else 0
                if shifts[n] != previous:
                    yield {
                        **_row(op),
                        "record_id": line.record_id,
                        "reported": line.before,
                        "booked": op.after - op.amount,
                        "shift": shifts[n],
                        "previous_shift": previous,
                        "next_shift": shifts[n + 1] if n + 1 < len(shifts) else None,
                    }

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


def _rounds(ops: Iterable[Op]) -> dict[str, list[Op]]:
    rounds: dict[str, list[Op]] = {}
    for op in ops:
        rounds.setdefault(op.round_id, []).append(op)
    return rounds


def _row(op: Op) -> Row:
    return {
        "op_key": op.key,
        "round_id": op.round_id,
        "match_key": match_key(op.system, op.round_id),
        "wallet_id": match_key(op.player, op.currency),
        "wallet_seq": op.seq,
        "kind": op.kind,
        "currency": op.currency,
        "player": op.player,
        "received_at": op.at,
    }


def _frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(RECORDS.columns)).astype(_KINDS)


def _our_row(ops: list[Op], window: Window, *, balances: bool) -> tuple[Any, ...]:
    stake, payout = sum(op.stake for op in ops), sum(op.payout for op in ops)
    moved = [op for op in ops if op.amount] if balances else []
    around = (moved[0].after - moved[0].amount, moved[-1].after) if moved else (pd.NA, pd.NA)
    totals = [op.declared for op in ops if op.declared]
    undone = any(op.kind == "rollback" for op in ops) and stake == payout == 0
    first, last = ops[0], ops[-1]
    overdue = not any(op.ends for op in ops) and first.at < OVERDUE
    return (
        *(match_key(first.system, first.round_id), first.round_id, first.round_id, 1),
        *(first.player, first.currency, stake, payout, undone, pd.NA, *around),
        *(totals[0] if totals else (pd.NA, pd.NA)),
        *(
            first.at,
            last.at,
            overdue,
            window.start <= first.at < window.end,
            kinds_in_round(ops),
            immature_in_round(ops),
        ),
    )


def _their_rows(lines: Iterable[Line], window: Window) -> Iterator[tuple[Any, ...]]:
    for line in lines:
        for occurrence in range(1, line.times + 1):
            yield (
                *(match_key(line.system, line.round_id), line.round_id, line.record_id),
                *(occurrence, line.player, line.currency, line.stake, line.payout),
                *(line.rolled_back, _na(line.net), _na(line.before), _na(line.after)),
                *(pd.NA, pd.NA, line.at, line.at, False, window.start <= line.at < window.end),
                *(kinds_in_line(line), immature_in_line(line)),
            )


def _na(minor: int | None) -> Any:
    return pd.NA if minor is None else minor


def _keys(records: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    net = records["payout"] - records["stake"]
    moved = records["balance_after"] - records["balance_before"]
    odd = records["overdue"] | records["round_id"].duplicated(keep=False)
    for differs in (
        records["declared_net"] != net,
        (moved != net) & ~records["rolled_back"] & records["declared_net"].notna(),
        records["declared_stake"] != records["stake"],
        records["declared_payout"] != records["payout"],
    ):
        odd = odd | differs.fillna(value=False).astype(bool)
    stands = ~records["rolled_back"]
    frame = pd.DataFrame(
        {
            "match_key": records["match_key"],
            "stake": records["stake"].where(stands, 0),
            "payout": records["payout"].where(stands, 0),
            "currency": pd.Categorical(records["currency"], categories=codes),
            "player_hash": np.array(
                [match_key("", p) for p in records["player"]], dtype=np.int64
            ),
            "odd": odd.astype(bool),
        }
    )
    inside = frame[records["inside"]].sort_values("match_key", kind="stable")
    return KEYS.check(inside.reset_index(drop=True))


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
            }
            for finding in self._finding_rows
        ]
        columns = SimpleResultMetaData(tuple(rows[0]) if rows else ())
        return IteratorResult(columns, iter([tuple(row.values()) for row in rows]))


def find_breaks(world: World, system: System, window: Window = WINDOW) -> list[Expected]:
    """Find every break of one provider with the real passes, checks and cross-checks."""
    rules = BY_CONTENT if system is System.UNNAMED else BY_ROUND_ID
    snapshot = MemorySnapshot(world, system, rules, window)
    comparison = compare(
        snapshot.key_rows(),
        suspect=snapshot.straddling_keys(),
        fetch=snapshot.records,
        context=snapshot.context,
        edge_keys=find_edge_keys(snapshot.timed_rows, window, rules),
    )
    rows = with_unanswered(snapshot, comparison.breaks)
    of_rounds = breaks_from_frame(rows, provider=system, exponents={}, now=NOW)
    cross_checks = _cross_checks(snapshot, world, list(of_rounds))
    return sorted(readable(break_, system) for break_ in [*of_rounds, *cross_checks])


def _cross_checks(
    snapshot: "MemorySnapshot", world: World, of_rounds: list[Break]
) -> list[Break]:
    system = snapshot.system
    breaks = journal_breaks(snapshot, {}, of_rounds)
    if system is not System.UNNAMED:
        breaks += chain_breaks(snapshot, {}, of_rounds)
    if system is System.XIGS:
        breaks += log_breaks(snapshot, {}, of_rounds, read_logged)
    findings = cast("Connection", _Findings(world, system))
    return [*breaks, *feed_breaks(findings, snapshot, of_rounds)]


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
