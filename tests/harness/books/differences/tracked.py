"""Breaks with their workflow state, made in memory."""

from datetime import UTC, datetime
from typing import Any

from breaks.impact import player_impact
from breaks.kinds import BreakKind
from breaks.states import BreakState
from breaks.store import TrackedBreak

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)


def tracked(number: int = 1, **values: Any) -> TrackedBreak:
    """A break of a payout that is 2.50 EUR too small; ``values`` replace its fields."""
    kind = values.get("kind", BreakKind.PAYOUT)
    difference = values.get("difference", 250)
    fields: dict[str, Any] = {
        "break_id": f"brk-{number:020x}",
        "provider": "lottery",
        "kind": kind,
        "impact": player_impact(kind, difference),
        "player": "ann",
        "currency": "EUR",
        "round_id": f"r{number}",
        "ours": {"stake": "1.00", "payout": "0.00"},
        "theirs": {"stake": "1.00", "payout": "2.50"},
        "difference": difference,
        "explanation": "The payouts differ.",
        "evidence": {},
        "run_id": "run-1",
        "first_seen": NOON,
        "last_seen": NOON,
        "cleared_at": None,
        "state": BreakState.OPEN,
        "assignee": None,
        "since": NOON,
        "opened_at": NOON,
        "reopened": 0,
        "settled": None,
        "answer": None,
        "began_at": NOON,
        "alias": "",
        "corrected": False,
        "player_known": True,
        "game": None,
    }
    return TrackedBreak(**{**fields, **values})
