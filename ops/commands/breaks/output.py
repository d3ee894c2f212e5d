"""Breaks as JSON and as tables."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import typer

from breaks.corrections.trials import current_trial
from breaks.impact import invoice_impact
from breaks.lists.groups import BreakGroup
from breaks.lists.queries import BreakHistory, StoredNote
from breaks.store import TrackedBreak
from ops.commands.breaks.lines import list_lines
from ops.commands.json_output import print_json
from ops.settings.break_policy import exponents_of
from ops.settings.model import Settings
from vocabulary.money import Money


def difference_text(break_: TrackedBreak, settings: Settings) -> str:
    """A break's difference as a decimal string."""
    return money_text(break_, break_.difference, settings)


def money_text(break_: TrackedBreak, minor: int, settings: Settings) -> str:
    """Minor units of a break's currency as a decimal string, in its provider's digits."""
    exponents = exponents_of(settings, break_.provider)
    return Money(minor, break_.currency).text(exponents=exponents)


def break_json(break_: TrackedBreak, settings: Settings) -> dict[str, Any]:
    """A break with its workflow state."""
    return {
        "id": break_.break_id,
        "provider": break_.provider,
        "kind": break_.kind,
        "impact": break_.impact,
        "state": break_.state,
        "assignee": break_.assignee,
        "player": break_.player,
        "currency": break_.currency,
        "round_key": break_.round_id,
        "difference": difference_text(break_, settings),
        "explanation": break_.explanation,
        "answer": break_.answer,
        "run_id": break_.run_id,
        "first_seen": break_.first_seen,
        "last_seen": break_.last_seen,
        "cleared_at": break_.cleared_at,
        "opened_at": break_.opened_at,
        "since": break_.since,
        "reopened": break_.reopened,
        "standing": break_.standing,
        "began_at": break_.began_at,
        "game": break_.game,
        "alias": break_.alias,
        "invoice_impact": invoice_impact(break_.kind, break_.difference),
        "invoice_difference": money_text(break_, break_.effects.invoice, settings),
        "trial": current_trial(break_),
    }


def history_json(history: BreakHistory, settings: Settings) -> dict[str, Any]:
    """A break with its notes, corrections, write-offs and audit trail."""
    break_ = history.break_
    return {
        **break_json(break_, settings),
        "ours": break_.ours,
        "theirs": break_.theirs,
        "evidence": break_.evidence,
        "notes": [note_json(note) for note in history.notes],
        "adjustments": [
            {
                "id": adjustment.id,
                "state": adjustment.state,
                "amount": money_text(break_, adjustment.amount, settings),
                "side": adjustment.within and adjustment.within.side,
                "reason": adjustment.reason,
                "proposed_by": adjustment.proposed_by,
                "decided_by": adjustment.decided_by,
                "decision": adjustment.decision,
            }
            for adjustment in history.adjustments
        ],
        "write_offs": [
            {
                **asdict(write_off),
                "amount": money_text(break_, write_off.amount, settings),
            }
            for write_off in history.write_offs
        ],
        "trail": [
            {
                "at": row.at,
                "by": row.actor,
                "acting": row.acting,
                "action": row.action,
                "detail": row.detail,
            }
            for row in history.trail
        ],
    }


def print_breaks(breaks: Iterable[TrackedBreak], settings: Settings, *, as_json: bool) -> None:
    """Print breaks, two lines each, and what they add up to."""
    if as_json:
        print_json([break_json(break_, settings) for break_ in breaks], indent=2)
        return
    breaks = list(breaks)
    for line in list_lines(breaks, settings):
        typer.echo(line)


def note_json(note: StoredNote) -> dict[str, Any]:
    """One note of a break."""
    return {
        "id": note.note_id,
        "at": note.at,
        "by": note.author,
        "kind": note.kind,
        "body": note.body,
        "digest": note.digest,
        "size": note.size,
    }


def group_json(group: BreakGroup[TrackedBreak], settings: Settings) -> dict[str, Any]:
    """A group with its sums and the ids of its breaks."""
    exponents = exponents_of(settings, group.provider)
    return {
        "id": group.group_id,
        "provider": group.provider,
        "cause": group.cause,
        "subject": group.subject,
        "sentence": group.sentence,
        "breaks": len(group.breaks),
        "sums": [
            {
                "currency": total.currency,
                **{
                    name: Money(getattr(total, name), total.currency).text(exponents=exponents)
                    for name in ("difference", "gross", "player", "invoice")
                },
            }
            for total in group.sums
        ],
        "ids": [break_.break_id for break_ in group.breaks],
    }
