"""Rows of a month in memory, in the frames that a comparison reads."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from reconcile.snapshot.frames import KEYS, RECORDS
from tests.harness.detection.immature import (
    immature_in_line,
    immature_in_round,
    kinds_in_line,
    kinds_in_round,
)
from tests.harness.detection.month import NOW, OPEN_AFTER, Part
from tests.harness.detection.world import Line, Op
from vocabulary.ids import match_key, transaction_id
from vocabulary.window import Window

OVERDUE = NOW - OPEN_AFTER
Row = dict[str, Any]
_KINDS = {
    name: "datetime64[us, UTC]" if kind == "instant" else {"text": "str"}.get(kind, kind)
    for name, kind in RECORDS.columns.items()
}


def rounds_of(ops: Iterable[Op]) -> dict[str, list[Op]]:
    """Group operations by round."""
    rounds: dict[str, list[Op]] = {}
    for op in ops:
        rounds.setdefault(op.round_id, []).append(op)
    return rounds


def callbacks_of(ops: Iterable[Op]) -> list[Op]:
    """Return the provider's operations, without corrections and tombstones."""
    return [op for op in ops if op.kind not in {"adjustment", "tombstone"}]


def row_of(op: Op) -> Row:
    """Return an operation as a cross-check's query selects it."""
    wallet_id = match_key(op.player, op.currency)
    return {
        "op_key": op.key,
        "round_id": op.round_id,
        "match_key": match_key(op.system, op.round_id),
        "wallet_id": wallet_id,
        "wallet_seq": op.seq,
        "transaction": transaction_id(wallet_id, op.seq),
        "kind": op.kind,
        "currency": op.currency,
        "player": op.player,
        "received_at": op.at,
    }


def frame_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Return rows as a RECORDS frame."""
    return pd.DataFrame(rows, columns=list(RECORDS.columns)).astype(_KINDS)


def our_row(ops: list[Op], window: Window, *, balances: bool) -> tuple[Any, ...]:
    """Return a round of ours as a full row."""
    stake, payout = sum(op.stake for op in ops), sum(op.payout for op in ops)
    moved = [op for op in ops if op.amount] if balances else []
    around = (moved[0].after - moved[0].amount, moved[-1].after) if moved else (pd.NA, pd.NA)
    totals = [_declared(op.declared, ops) for op in ops if op.declared]
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


def their_rows(lines: Iterable[Line], window: Window) -> Iterator[tuple[Any, ...]]:
    """Yield the provider's lines as full rows."""
    for line in lines:
        for occurrence in range(1, line.times + 1):
            yield (
                *(match_key(line.system, line.round_id), line.round_id, line.record_id),
                *(occurrence, line.player, line.currency, line.stake, line.payout),
                *(line.rolled_back, _na(line.net), _na(line.before), _na(line.after)),
                *(pd.NA, pd.NA, line.at, line.at, False, window.start <= line.at < window.end),
                *(kinds_in_line(line), immature_in_line(line)),
            )


def _declared(declared: Part, ops: list[Op]) -> Part:
    """Return what a round end declares; a correction moves what the callbacks had moved."""
    callbacks = [op for op in ops if op.kind != "adjustment"]
    booked = (sum(op.stake for op in ops), sum(op.payout for op in ops))
    moved = (sum(op.stake for op in callbacks), sum(op.payout for op in callbacks))
    stake, payout = (
        now if said == before else said
        for said, before, now in zip(declared, moved, booked, strict=True)
    )
    return stake, payout


def _na(minor: int | None) -> Any:
    return pd.NA if minor is None else minor


def keys_of(records: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    """Return the key rows of full rows."""
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
