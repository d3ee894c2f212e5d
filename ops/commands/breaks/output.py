"""Breaks as JSON and as tables."""

import json
from collections.abc import Iterable
from typing import Any

import typer

from breaks.queries import BreakHistory, StoredNote
from breaks.store import TrackedBreak
from ops.commands.json_output import print_json
from ops.commands.ledger.output import instant, table
from ops.settings.break_terms import exponents_of
from ops.settings.model import Settings
from vocabulary.money import Money


def amount_of(life: TrackedBreak, settings: Settings) -> str:
    """A break's difference as a decimal string."""
    exponents = exponents_of(settings, life.provider)
    return Money(life.difference, life.currency).text(exponents=exponents)


def life_json(life: TrackedBreak, settings: Settings) -> dict[str, Any]:
    """A break and where it stands."""
    return {
        "id": life.break_id,
        "provider": life.provider,
        "kind": life.kind,
        "impact": life.impact,
        "state": life.state,
        "assignee": life.assignee,
        "player": life.player,
        "currency": life.currency,
        "round_key": life.round_id,
        "difference": amount_of(life, settings),
        "explanation": life.explanation,
        "answer": life.answer,
        "run_id": life.run_id,
        "first_seen": life.first_seen,
        "last_seen": life.last_seen,
        "cleared_at": life.cleared_at,
        "opened_at": life.opened_at,
        "since": life.since,
        "reopened": life.reopened,
    }


def story_json(story: BreakHistory, settings: Settings) -> dict[str, Any]:
    """A break with everything that was said and done about it."""
    life = story.break_
    return {
        **life_json(life, settings),
        "ours": life.ours,
        "theirs": life.theirs,
        "evidence": life.evidence,
        "notes": [note_json(note) for note in story.notes],
        "adjustments": [
            {
                "id": one.id,
                "state": one.state,
                "amount": Money(one.amount, one.currency).text(),
                "side": one.within and one.within.side,
                "reason": one.reason,
                "proposed_by": one.proposed_by,
                "decided_by": one.decided_by,
                "decision": one.decision,
            }
            for one in story.adjustments
        ],
        "trail": [
            {"at": row.at, "by": row.actor, "action": row.action, "detail": row.detail}
            for row in story.trail
        ],
    }


def show_lives(lives: Iterable[TrackedBreak], settings: Settings, *, as_json: bool) -> None:
    """Print breaks, one a line."""
    if as_json:
        print_json([life_json(life, settings) for life in lives], indent=2)
        return
    table(
        ["id", "state", "kind", "round", "difference", "impact", "assignee", "opened"],
        (
            [
                *(life.break_id, life.state, life.kind, life.round_id),
                *(f"{amount_of(life, settings)} {life.currency}", life.impact),
                *(life.assignee or "", life.opened_at.isoformat(timespec="minutes")),
            ]
            for life in lives
        ),
    )


def show_story(story: BreakHistory) -> None:
    """Print one break in sentences."""
    life = story.break_
    typer.echo(f"{life.break_id}  {life.state}  {life.kind}  {life.impact}")
    typer.echo(life.explanation)
    typer.echo(f"found {instant(life.first_seen)}, opened {instant(life.opened_at)}")
    for key, references in life.evidence.items():
        typer.echo(f"{key}: {json.dumps(references)}")
    for note in story.notes:
        digest = f" sha256 {note.digest}, {note.size} bytes" if note.digest else ""
        typer.echo(f"{instant(note.at)} {note.author} {note.kind}: {note.body}{digest}")
    for one in story.adjustments:
        amount = f"{Money(one.amount, one.currency).text()} {one.currency}"
        typer.echo(f"{one.id} {one.state} {amount} by {one.proposed_by}: {one.reason}")
    for row in story.trail:
        typer.echo(f"{instant(row.at)} {row.actor} {row.action} {row.detail.get('why', '')}")


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
