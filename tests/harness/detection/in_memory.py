"""A month in memory as the comparison reads it, and everything that is found in it.

These are the questions of ``reconcile.snapshot.snapshot`` and of the witnesses, answered from
lists instead of tables. That both answer alike is shown on a real database
(``detection_stored``).
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from reconcile.findings import balance_chain, delivery_log, evidence, journal
from reconcile.findings.balance_chain import chain_breaks
from reconcile.findings.breaks import Break, breaks_from_frame
from reconcile.findings.delivery_log import log_breaks
from reconcile.findings.feed import feed_breaks
from reconcile.findings.journal import journal_breaks
from reconcile.matching.compare import compare
from reconcile.snapshot.edge_keys import TimedRows, find_edge_keys
from reconcile.snapshot.frames import KEYS, RECORDS, Keys
from reconcile.snapshot.rules import BY_NAME, MatchContext, Rules
from reconcile.snapshot.snapshot import Sides, Snapshot
from tests.harness.detection.delivery_log import payload, read_logged
from tests.harness.detection.expected import Expected
from tests.harness.detection.immature import held_by, held_in, young_in, young_of
from tests.harness.detection.month import (
    BET_RIPE,
    END,
    NOW,
    OPEN_AFTER,
    ROLLBACK_RIPE,
    START,
    WIN_RIPE,
    System,
)
from tests.harness.detection.world import REPLY, Line, Op, World
from vocabulary.ids import match_key
from vocabulary.maturity import MaturityAges
from vocabulary.window import Window

WINDOW = Window(start=START, end=END)
OVERDUE = NOW - OPEN_AFTER
BY_CONTENT = Rules(attributes=True)
AGES = MaturityAges(bet=BET_RIPE, win=WIN_RIPE, rollback=ROLLBACK_RIPE)

_KINDS = {
    name: "datetime64[us, UTC]" if kind == "instant" else {"text": "str"}.get(kind, kind)
    for name, kind in RECORDS.columns.items()
}
Row = dict[str, Any]


class MemoryBooks(Snapshot):
    """One provider's side of a world, and ours."""

    def __init__(self, world: World, system: System, *, balances: bool, window: Window) -> None:
        self._world = world
        self._system = system
        # What was declined moved nothing, and is no round.
        self._ops = [o for o in world.ops if o.system is system and not o.declined]
        self._lines = [line for line in world.lines if line.system is system]
        self._rounds = _rounds(self._ops)
        self._records = Sides(
            ours=_frame(
                [_our_row(ops, window, balances=balances) for ops in self._rounds.values()]
            ),
            theirs=_frame(list(_their_rows(self._lines, window))),
        )

    def key_rows(self, *_: Any) -> Sides:
        """Fixed-width rows of the window."""
        codes = sorted({*self._records.ours["currency"], *self._records.theirs["currency"]})
        return Sides(
            ours=_keys(self._records.ours, codes), theirs=_keys(self._records.theirs, codes)
        )

    def straddling_keys(self, *_: Any) -> Keys:
        """Keys of rounds with a further record outside the window."""
        theirs = self._records.theirs
        beyond = theirs[~theirs["inside"] & theirs["round_id"].duplicated(keep=False)]
        return np.unique(beyond["match_key"].to_numpy())

    def timed_rows(self, since: datetime, until: datetime) -> TimedRows:
        """Who did something in a span of time."""
        told = pd.concat([self._records.ours, self._records.theirs])
        told = told[(told["began"] >= since) & (told["began"] < until)]
        who = map(match_key, told["player"], told["currency"])
        return TimedRows(
            match_key=told["match_key"].to_numpy(),
            player_currency=np.array(list(who), dtype=np.int64),
            at_us=told["began"].to_numpy(dtype="datetime64[us]").view(np.int64),
        )

    def records(self, keys: Keys) -> Sides:
        """Full rows of these keys."""
        ours, theirs = self._records.ours, self._records.theirs
        return Sides(
            ours=ours[ours["match_key"].isin(keys)].reset_index(drop=True),
            theirs=theirs[theirs["match_key"].isin(keys)].reset_index(drop=True),
        )

    def query(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """What a witness asks, recognised by its query."""
        answers: dict[str, Callable[[], Iterable[Row]]] = {
            evidence._OPERATIONS: list,
            evidence._RECORDS: list,
            evidence._WITHDRAWN: list,
            journal._TOMBSTONES: self._tombstones,
            journal._CONFLICTS: self._conflicts,
            journal._BELOW_ZERO: self._below_zero,
            balance_chain._STEPS: self._shifts,
            delivery_log._LOGGED: self._logged,
            delivery_log._JOURNAL: self._journal,
            delivery_log._PLAYERS: lambda: (
                {"handle": told, "player": told.removeprefix("h-")}
                for told in values["handles"]
            ),
        }
        return [dict(row) for row in answers[query]()]

    def _tombstones(self) -> Iterator[Row]:
        by_key = {(op.key, op.kind): op for op in self._ops}
        for op in self._ops:
            if op.kind == "tombstone":
                late = [
                    n
                    for n, (system, key, verdict, _) in enumerate(self._world.deliveries)
                    if (system, key, verdict) == (self._system, op.key, "rolled_back")
                ]
                undo = by_key[f"{op.key}-undo", "rollback"]
                placed = {"placed_by": undo.key, "placed_kind": "rollback"}
                yield {**_row(op), **placed, "times": len(late), "deliveries": late}

    def _conflicts(self) -> Iterator[Row]:
        by_key = {op.key: op for op in self._ops}
        told = [
            key
            for system, key, verdict, at in self._world.deliveries
            if system is self._system and verdict == "conflict" and START <= at < END
        ]
        for key in sorted(set(told)):
            yield {
                **_row(by_key[key]),
                "times": told.count(key),
                "deliveries": [],
                "decision": "accepted",
            }

    def _below_zero(self) -> Iterator[Row]:
        for chain in self._world.chains.values():
            if chain[-1].after >= 0:
                continue
            last = max(n for n, op in enumerate(chain) if op.after - op.amount >= 0)
            if chain[last].system is self._system:
                yield {**_row(chain[last]), "balance": chain[-1].after}

    def _shifts(self) -> Iterator[Row]:
        told = {
            line.round_id: line
            for line in self._lines
            if line.before is not None and START <= line.at < END and not line.rolled_back
        }
        firsts = [ops[0] for name, ops in self._rounds.items() if name in told]
        firsts.sort(key=lambda op: (op.player, op.currency, op.seq))
        for _, some in groupby(firsts, key=lambda op: (op.player, op.currency)):
            chain = [(op, told[op.round_id]) for op in some]
            shifts = [(line.before or 0) - op.after + op.amount for op, line in chain]
            for n, (op, line) in enumerate(chain):
                was = shifts[n - 1] if n else 0
                if shifts[n] != was:
                    yield {
                        **_row(op),
                        "record_id": line.record_id,
                        "reported": line.before,
                        "booked": op.after - op.amount,
                        "shift": shifts[n],
                        "previous_shift": was,
                        "next_shift": shifts[n + 1] if n + 1 < len(shifts) else None,
                    }

    def _logged(self) -> Iterator[Row]:
        for n, one in enumerate(sorted(self._world.logged, key=lambda each: each.at)):
            if self._system is System.XIGS:
                yield {
                    "webhook_id": "w",
                    "delivery_id": str(n),
                    "payload": json.dumps(payload(one)).encode(),
                    "response_code": one.code,
                    "response_body": one.body,
                    "success": one.code == 200,
                    "attempted_at": one.at,
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
    held = (moved[0].after - moved[0].amount, moved[-1].after) if moved else (pd.NA, pd.NA)
    totals = [op.declared for op in ops if op.declared]
    undone = any(op.kind == "rollback" for op in ops) and stake == payout == 0
    first, last = ops[0], ops[-1]
    overdue = not any(op.ends for op in ops) and first.at < OVERDUE
    return (
        *(match_key(first.system, first.round_id), first.round_id, first.round_id, 1),
        *(first.player, first.currency, stake, payout, undone, pd.NA, *held),
        *(totals[0] if totals else (pd.NA, pd.NA)),
        *(
            first.at,
            last.at,
            overdue,
            window.start <= first.at < window.end,
            held_in(ops),
            young_in(ops),
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
                *(held_by(line), young_of(line)),
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
    """The findings of a feed, as a connection would give them."""

    def __init__(self, world: World, system: System) -> None:
        self._found = [one for one in world.findings if one.system is system]

    def execute(self, *_: Any) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(
                finding_id=f"fnd-{one.kind}-{one.file}{one.round_id}{one.line}",
                provider=one.system.value,
                feed="statement",
                kind=one.kind,
                severity="error",
                file=one.file or None,
                line=one.line,
                record_id=None,
                round_id=one.round_id,
                currency=one.currency,
                difference=one.difference,
                covers_from=None,
                covers_to=None,
                detail="",
                evidence={},
                first_seen=NOW,
                last_seen=NOW,
                resolved_at=None,
            )
            for one in self._found
        ]


def found_in(world: World, system: System, window: Window = WINDOW) -> list[Expected]:
    """Every break of one provider, by the real passes, judges and witnesses, in words."""
    rules = BY_CONTENT if system is System.UNNAMED else BY_NAME
    books = MemoryBooks(world, system, balances=rules.attributes, window=window)
    sides = books.key_rows()

    def fetch(keys: Keys) -> tuple[pd.DataFrame, pd.DataFrame]:
        full = books.records(keys)
        return full.ours, full.theirs

    comparison = compare(
        sides.ours,
        sides.theirs,
        suspect=books.straddling_keys(),
        fetch=fetch,
        context=MatchContext(now=NOW, maturity=AGES, rules=rules),
        edge_keys=find_edge_keys(books.timed_rows, window, rules),
    )
    named = breaks_from_frame(comparison.breaks, provider=system, exponents={}, now=NOW)
    heard = _heard(books, world, system, list(named))
    return sorted(in_words(one, system) for one in [*named, *heard])


def _heard(books: Snapshot, world: World, system: System, known: list[Break]) -> list[Break]:
    heard = journal_breaks(books, system, {}, NOW, round_breaks=known)
    if system is not System.UNNAMED:
        young = NOW - AGES.longest
        heard += chain_breaks(books, system, {}, NOW, round_breaks=known, immature_after=young)
    if system is System.XIGS:
        heard += log_breaks(books, system, {}, NOW, read_logged=read_logged, round_breaks=known)
    findings = cast("Connection", _Findings(world, system))
    return [*heard, *feed_breaks(findings, system, WINDOW, NOW, round_breaks=known)]


def in_words(one: Break, system: System) -> Expected:
    """A break without what no plan can know: ids, sentences, instants."""
    return Expected(
        system=system.value,
        kind=one.kind.value,
        round_id=one.round_id,
        player=one.player,
        currency=one.currency,
        difference=one.difference,
        impact=one.impact.value,
    )
