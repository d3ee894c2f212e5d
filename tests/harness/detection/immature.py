"""What of a simulated month is immature when it is reconciled, as the queries select it.

The months that are stored in a real database show that the queries select the same.
"""

from datetime import datetime

from tests.harness.detection.month import BET_MATURITY, NOW, ROLLBACK_MATURITY, WIN_MATURITY
from tests.harness.detection.world import Line, Op


def kinds_in_round(ops: list[Op]) -> int:
    """Return the kinds of operation of a round, as bits: bet, win, rollback."""
    bits = {"bet": 1, "win": 2, "bet_and_win": 3, "rollback": 4}
    return sum({bit for op in ops for bit in (1, 2, 4) if bits.get(op.kind, 0) & bit})


def kinds_in_line(line: Line) -> int:
    """Return the kinds of operation that a line reports, as the same bits."""
    is_rollback = line.rolled_back or line.stake < 0 or line.payout < 0
    return (line.stake > 0) + 2 * (line.payout > 0) + 4 * is_rollback or 1


def immature_in_round(ops: list[Op]) -> str:
    """Return the movements of a round that the provider need not have reported yet."""
    movements = []
    for op in ops:
        if op.kind == "rollback" and op.at > NOW - ROLLBACK_MATURITY:
            movements.append(f"{op.stake},{op.payout}")
        elif op.kind in {"bet", "bet_and_win", "win"}:
            movements += _parts(op.stake, op.payout, op.at)
    return ";".join(movements)


def immature_in_line(line: Line) -> str:
    """Return the movements of a line that need not have reached us yet."""
    if line.stake < 0 or line.payout < 0:
        immature = line.at > NOW - ROLLBACK_MATURITY
        return f"{line.stake},{line.payout}" if immature else ""
    movements = _parts(line.stake, line.payout, line.at)
    if line.rolled_back and line.at > NOW - ROLLBACK_MATURITY:
        movements.append("u")
    return ";".join(movements)


def _parts(stake: int, payout: int, at: datetime) -> list[str]:
    stakes = [f"{stake},0"] if stake and at > NOW - BET_MATURITY else []
    return stakes + ([f"0,{payout}"] if payout and at > NOW - WIN_MATURITY else [])
