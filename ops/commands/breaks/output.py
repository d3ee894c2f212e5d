"""Breaks as JSON and as tables."""

import json
from collections.abc import Iterable
from typing import Any

import typer

from breaks.queries import BreakHistory, StoredNote
from breaks.store import TrackedBreak
from ops.commands.json_output import print_json
from ops.commands.tables import instant, table
from ops.settings.break_policy import exponents_of
from ops.settings.model import Settings
from vocabulary.money import Money


def difference_text(break_: TrackedBreak, settings: Settings) -> str:
    """A break's difference as a decimal string."""
    exponents = exponents_of(settings, break_.provider)
    return Money(break_.difference, break_.currency).text(exponents=exponents)


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
    }


def history_json(history: BreakHistory, settings: Settings) -> dict[str, Any]:
    """A break with its notes, corrections and audit trail."""
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
                "amount": Money(adjustment.amount, adjustment.currency).text(),
                "side": adjustment.within and adjustment.within.side,
                "reason": adjustment.reason,
                "proposed_by": adjustment.proposed_by,
                "decided_by": adjustment.decided_by,
                "decision": adjustment.decision,
            }
            for adjustment in history.adjustments
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
    """Print breaks, one a line."""
    if as_json:
        print_json([break_json(break_, settings) for break_ in breaks], indent=2)
        return
    table(
        ["id", "state", "kind", "round", "difference", "impact", "assignee", "opened"],
        (
            [
                *(break_.break_id, break_.state, break_.kind, break_.round_id),
                *(f"{difference_text(break_, settings)} {break_.currency}", break_.impact),
                *(break_.assignee or "", break_.opened_at.isoformat(timespec="minutes")),
            ]
            for break_ in breaks
        ),
    )


def print_history(history: BreakHistory) -> None:
    """Print one break in sentences."""
    break_ = history.break_
    typer.echo(f"{break_.break_id}  {break_.state}  {break_.kind}  {break_.impact}")
    typer.echo(break_.explanation)
    typer.echo(f"found {instant(break_.first_seen)}, opened {instant(break_.opened_at)}")
    for key, references in break_.evidence.items():
        typer.echo(f"{key}: {json.dumps(references)}")
    for note in history.notes:
        digest = f" sha256 {note.digest}, {note.size} bytes" if note.digest else ""
        typer.echo(f"{instant(note.at)} {note.author} {note.kind}: {note.body}{digest}")
    for adjustment in history.adjustments:
        amount = f"{Money(adjustment.amount, adjustment.currency).text()} {adjustment.currency}"
        proposal = f"{amount} by {adjustment.proposed_by}: {adjustment.reason}"
        typer.echo(f"{adjustment.id} {adjustment.state} {proposal}")
    for row in history.trail:
        actor = row.actor if row.acting is None else f"{row.acting} for {row.actor}"
        typer.echo(f"{instant(row.at)} {actor} {row.action} {row.detail.get('why', '')}")


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
