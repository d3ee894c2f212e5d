"""One break: its sentence, both sides, every source on one time axis, and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from breaks.impact import InvoiceImpact, invoice_impact
from breaks.kinds import impact_of
from breaks.policy import due_at
from breaks.queries import BreakHistory, break_history
from breaks.sources import sources_of
from breaks.states import SETTLED, ActionRefused
from breaks.store import TrackedBreak, break_exists
from breaks.suggestions import Correction, suggested_corrections
from console.config import ConsoleConfig, Visit
from console.pages.breaks.actions import actions_for
from console.rendering import money_text
from console.replies import HtmlPage, not_found
from console.timeline import in_order, timeline_of
from reports.find.short_ids import ShortIdKind, complete_id
from reports.grid import WHO_OWES
from storage.people import people_in
from vocabulary.people import Right

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
    words = in_order(sources_of(engine, break_, exponents))
    with engine.connect() as connection:
        assignees = [
            person
            for person in people_in(connection)
            if not person.disabled and person.may(Right.WORK_BREAKS)
        ]
    values = {
        "break_": break_,
        "history": history,
        "sides": side_rows(break_),
        "consequence": consequence(break_, exponents),
        "words": words,
        "timeline": timeline_of(words),
        "actions": actions_for(history, visit.signed_in.person),
        "corrections": corrections_suggested(break_, exponents),
        "assignees": assignees,
        "exponents": exponents,
        "zone": config.zones.get(break_.provider, "UTC"),
        "due": due_text(break_, config, visit),
        "steps": steps_of(history),
        "open_adjustments": [
            adjustment
            for adjustment in history.adjustments
            if adjustment.state in {"proposed", "approved"}
        ],
    }
    return HtmlPage(template="breaks/detail.html", values=values)


def side_rows(break_: TrackedBreak) -> list[SideRow]:
    """Both sides field by field; a field differs if both sides have it and disagree."""
    ours, theirs = break_.ours, break_.theirs
    if ours is None and theirs is None:
        return []
    rows = []
    for name in dict.fromkeys([*(ours or {}), *(theirs or {})]):
        pair = [None if side is None else _text(side.get(name)) for side in (ours, theirs)]
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


def corrections_suggested(
    break_: TrackedBreak, exponents: Mapping[str, int]
) -> tuple[Correction, ...]:
    """The corrections that would make both sides agree; empty if none can be derived."""
    try:
        return suggested_corrections(break_, exponents)
    except ActionRefused:
        return ()


def due_text(
    break_: TrackedBreak, config: ConsoleConfig, visit: Visit
) -> dict[str, Any] | None:
    """When it is due; None if nobody has to act."""
    if break_.state in SETTLED:
        return None
    due = due_at(
        config.due_rules, break_.impact, break_.currency, break_.difference, break_.opened_at
    )
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


def _state_after(after: object) -> str:
    return str(after.get("state", "")) if isinstance(after, Mapping) else ""


def _text(value: object) -> str | None:
    return None if value is None else str(value)
