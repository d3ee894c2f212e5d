"""One break: its sentence, both sides, every source on one time axis, and what to do next.

Others show the run, the round, the player and the operations that it links to.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from breaks.actions import newest_note
from breaks.attachments import attached_notes
from breaks.corrections.trials import current_trial
from breaks.disputes.store import disputes_of_break
from breaks.impact import InvoiceImpact, invoice_impact
from breaks.kinds import impact_of
from breaks.lists.queries import BreakHistory, break_history
from breaks.mentions import is_unread
from breaks.sources import sources_of
from breaks.states import STEPS
from breaks.store import TrackedBreak, break_exists
from console.config import ConsoleConfig, Visit
from console.drawings.timeline import events_of, horizontal_timeline, vertical_timeline
from console.pages.breaks.actions import actions_for
from console.pages.breaks.columns import due_of
from console.pages.breaks.correction import corrections_suggested
from console.pages.parameters import read_position, zone_values
from console.rendering import local_text, money_text
from console.replies import HtmlPage, not_found
from ledger.queries.operations import START_BYTES
from reports.find.short_ids import ShortIdKind, complete_id
from reports.grid import WHO_OWES
from reports.stored_runs import run_named
from storage.people import people_in
from vocabulary.people import Right

#: Notes on one page.
NOTES_MAX = 50
#: What differs by nature and proves nothing.
_NOT_COMPARED = frozenset({"at", "records"})
_INVOICE = {
    InvoiceImpact.HIGHER: "the provider's GGR is higher than ours by",
    InvoiceImpact.LOWER: "the provider's GGR is lower than ours by",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRow:
    """One field of both sides, as text; None: this side has none."""

    name: str
    ours: str | None
    theirs: str | None
    differs: bool


def show(visit: Visit) -> HtmlPage:
    """Everything about one break."""
    engine = visit.console.readers
    break_id = complete_id(engine, ShortIdKind.BREAK, visit.path["id"])
    if not break_exists(engine, break_id):
        raise not_found("break", visit.path["id"])
    history = break_history(engine, break_id)
    break_, config = history.break_, visit.config
    exponents = config.exponents(break_.provider)
    zone = config.zone_of(break_.provider)
    values = {
        "break_": break_,
        "history": history,
        "exponents": exponents,
        **zone_values(config, break_.provider),
        "sides": side_rows(break_, zone),
        "consequence": consequence(break_, exponents),
        "due": due_text(break_, config, visit),
        "actions": actions_for(history, visit.signed_in.person, config.askable),
        **_sources(visit, break_, exponents),
        **_around(visit, break_),
        **_proposed(history, exponents),
        **_course(history),
        **_notes(visit, history),
    }
    return HtmlPage(template="breaks/detail.html", values=values)


def _sources(
    visit: Visit, break_: TrackedBreak, exponents: Mapping[str, int]
) -> dict[str, object]:
    """What every source says, and what the run kept as evidence."""
    events = events_of(sources_of(visit.console.readers, break_, exponents))
    return {
        "events": events,
        "horizontal": horizontal_timeline(events),
        "vertical": vertical_timeline(events),
        "start_bytes": START_BYTES,
        "evidence": evidence_rows(break_),
    }


def _around(visit: Visit, break_: TrackedBreak) -> dict[str, object]:
    """The run, the disputes and the people that a break has to do with."""
    person_id = visit.signed_in.person.person_id
    with visit.console.readers.connect() as connection:
        run = run_named(connection, break_.run_id)
        return {
            "rules": {} if run is None else run.manifest.get("rules", {}),
            "disputes": disputes_of_break(connection, break_.break_id),
            "newest_note": newest_note(connection),
            "attached": attached_notes(connection, break_.break_id),
            "mentions_me": is_unread(connection, break_.break_id, person_id),
            "assignees": [
                person
                for person in people_in(connection)
                if not person.disabled and person.may(Right.WORK_BREAKS)
            ],
        }


def _notes(visit: Visit, history: BreakHistory) -> dict[str, object]:
    """The last notes, or those before one of them, in the order in which they were written.

    Raises:
        Malformed: the address names no position.
    """
    before = read_position("notes", visit.query.get("notes"))
    listed = [note for note in history.notes if before is None or note.note_id < before]
    shown = listed[-NOTES_MAX:]
    return {
        "notes": shown,
        "notes_before": shown[0].note_id if len(listed) > len(shown) else None,
        "earlier_count": len(listed) - len(shown),
        "later_count": len(history.notes) - len(listed),
    }


def _proposed(history: BreakHistory, exponents: Mapping[str, int]) -> dict[str, object]:
    """What is proposed, or follows from the break, and what trying it showed."""
    open_states = {"proposed", "approved"}
    return {
        "corrections": corrections_suggested(history.break_, exponents),
        "trial": current_trial(history.break_),
        "open_adjustments": [
            adjustment for adjustment in history.adjustments if adjustment.state in open_states
        ],
        "open_write_off": next(
            (write_off for write_off in history.write_offs if write_off.state in open_states),
            None,
        ),
    }


def _course(history: BreakHistory) -> dict[str, object]:
    """What happened to the break, and what may follow."""
    return {
        "steps": steps_of(history),
        "path": path_of(history),
        "may_follow": sorted(STEPS[history.break_.state]),
    }


def side_rows(break_: TrackedBreak, zone: str) -> list[SideRow]:
    """Both sides field by field; a field differs if both sides have it and disagree."""
    ours, theirs = break_.ours, break_.theirs
    if ours is None and theirs is None:
        return []
    rows = []
    for name in dict.fromkeys([*(ours or {}), *(theirs or {})]):
        pair = [
            None if side is None else _text(name, side.get(name), zone)
            for side in (ours, theirs)
        ]
        differs = pair[0] != pair[1] and name not in _NOT_COMPARED
        rows.append(SideRow(name=name, ours=pair[0], theirs=pair[1], differs=differs))
    return rows


def consequence(break_: TrackedBreak, exponents: Mapping[str, int]) -> str:
    """Who owes whom because of it, and what it does to the provider's invoice."""
    effects, currency = break_.effects, break_.currency
    parts = []
    if effects.player:
        amount = money_text(abs(effects.player), currency, exponents)
        parts.append(f"{WHO_OWES[str(impact_of(effects.player))]} {amount} {currency}")
    direction = _INVOICE.get(invoice_impact(break_.kind, break_.difference))
    if direction:
        amount = money_text(abs(effects.invoice), currency, exponents)
        parts.append(f"{direction} {amount} {currency}")
    return "; ".join(parts) or "no money is at stake"


def evidence_rows(break_: TrackedBreak) -> list[tuple[str, str]]:
    """What the run kept as evidence, by name, each value on a line of its own."""
    rows = []
    for name, value in sorted(break_.evidence.items()):
        parts = value if isinstance(value, list) else [value]
        texts = [
            part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
            for part in parts
        ]
        rows.append((name, "\n".join(texts)))
    return rows


def due_text(
    break_: TrackedBreak, config: ConsoleConfig, visit: Visit
) -> dict[str, Any] | None:
    """When it is due; None if nobody has to act."""
    due = due_of(break_, config)
    if due is None:
        return None
    return {"at": due, "is_over": due < visit.now, "distance": abs(due - visit.now)}


def steps_of(history: BreakHistory) -> list[dict[str, Any]]:
    """The audit trail, the newest first, without the rows that notes show already."""
    return [
        {
            "at": row.at,
            "actor": row.actor if row.acting is None else f"{row.acting} for {row.actor}",
            "action": row.action.partition(".")[2].replace("_", " "),
            "why": str(row.detail.get("why", "")),
            "after": _state_after(row.detail.get("after")),
        }
        for row in reversed(history.trail)
        if row.action not in {"break.commented", "break.evidence_attached"}
    ]


def path_of(history: BreakHistory) -> list[dict[str, Any]]:
    """The states that it was in, the first one first: since when, by whom and why."""
    path: list[dict[str, Any]] = []
    for row in history.trail:
        state = _state_after(row.detail.get("after"))
        if state:
            why = str(row.detail.get("why", ""))
            actor = row.actor if row.acting is None else f"{row.acting} for {row.actor}"
            path.append({"state": state, "at": row.at, "actor": actor, "why": why})
    return path


def _state_after(after: object) -> str:
    """The state in a row of the audit trail; runs write its name, people the workflow."""
    return str(after.get("state", "")) if isinstance(after, Mapping) else str(after or "")


def _text(name: str, value: object, zone: str) -> str | None:
    if name == "at" and isinstance(value, str):
        return f"{local_text(datetime.fromisoformat(value), zone)} {zone}"
    return None if value is None else str(value)
