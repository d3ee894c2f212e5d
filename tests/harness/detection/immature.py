"""What of a simulated month is young when it is reconciled, as the queries tell it.

That the queries tell the same is shown where a month is stored in a real database.
"""

from datetime import datetime

from tests.harness.detection.month import BET_RIPE, NOW, ROLLBACK_RIPE, WIN_RIPE
from tests.harness.detection.world import Line, Op


def held_in(ops: list[Op]) -> int:
    """The kinds of operation of a round, as bits: bet, win, rollback."""
    bits = {"bet": 1, "win": 2, "bet_and_win": 3, "rollback": 4}
    return sum({bit for op in ops for bit in (1, 2, 4) if bits.get(op.kind, 0) & bit})


def held_by(line: Line) -> int:
    """The kinds of operation that a line tells of, as the same bits."""
    back = line.rolled_back or line.stake < 0 or line.payout < 0
    return (line.stake > 0) + 2 * (line.payout > 0) + 4 * back or 1


def young_in(ops: list[Op]) -> str:
    """The movements of a round that the provider need not have told yet."""
    told = []
    for op in ops:
        if op.kind == "rollback" and op.at > NOW - ROLLBACK_RIPE:
            told.append(f"{op.stake},{op.payout}")
        elif op.kind in {"bet", "bet_and_win", "win"}:
            told += _parts(op.stake, op.payout, op.at)
    return ";".join(told)


def young_of(line: Line) -> str:
    """The movements of a line that need not have reached us yet."""
    if line.stake < 0 or line.payout < 0:
        young = line.at > NOW - ROLLBACK_RIPE
        return f"{line.stake},{line.payout}" if young else ""
    told = _parts(line.stake, line.payout, line.at)
    if line.rolled_back and line.at > NOW - ROLLBACK_RIPE:
        told.append("u")
    return ";".join(told)


def _parts(stake: int, payout: int, at: datetime) -> list[str]:
    told = [f"{stake},0"] if stake and at > NOW - BET_RIPE else []
    return told + ([f"0,{payout}"] if payout and at > NOW - WIN_RIPE else [])
