"""Breaks: the list, one, what its sources say, and every action of its page."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from breaks.impact import invoice_impact
from breaks.lists.paging import page_of_breaks
from breaks.lists.queries import BreakHistory, break_history
from breaks.policy import due_at
from breaks.sources import SourceWord, sources_of
from breaks.states import SETTLED
from breaks.store import TrackedBreak, break_exists
from console.api.endpoint import Endpoint, Read, Write
from console.api.models.breaks import (
    AdjustmentJson,
    AssignBody,
    BreakDetailJson,
    BreakJson,
    BreakListJson,
    BreakListQuery,
    BreakSideJson,
    BreakSourcesQuery,
    CommentBody,
    ContradictionJson,
    CorrectionJson,
    NoBody,
    NoteJson,
    ReasonBody,
    SourceJson,
    SourceListJson,
    TrailJson,
    TrialBreakJson,
    TrialEntryJson,
    TrialJson,
    WriteOffJson,
)
from console.api.models.values import money, money_of_text
from console.config import ConsoleConfig, Visit
from console.pages.breaks.actions import ACTIONS
from console.pages.breaks.correction import corrections_suggested
from console.pages.breaks.listing import PAGE_ROWS, query_of
from console.replies import not_found
from storage.audit import AuditRow
from vocabulary.people import Right

_Exponents = Mapping[str, int]
_TAG = "breaks"
#: By the name of the page's action: what it does, and the body it takes.
_WRITES: Mapping[str, tuple[str, type[BaseModel]]] = {
    "comment": ("Comment on a break", CommentBody),
    "assign": ("Assign a break to a person", AssignBody),
    "read": ("Say that the comments that name you are read", NoBody),
    "ask": ("Ask the provider for its detail of the bet", NoBody),
    "explain": ("Explain why the books differ and need no correction", ReasonBody),
    "wait": ("Leave a break until the provider answers", ReasonBody),
    "propose": ("Try the suggested corrections and propose them", ReasonBody),
    "write-off": ("Propose to write the difference off", ReasonBody),
    "approve": ("Approve what is proposed; corrections are tried again", NoBody),
    "reject": ("Reject what is proposed", ReasonBody),
    "reopen": ("Reopen a break", ReasonBody),
}
#: Writes that are taken whatever happened meanwhile.
_UNVERSIONED = frozenset({"comment", "read", "ask"})


def list_breaks(visit: Visit) -> BreakListJson:
    """One page of the breaks that the filters select."""
    query = query_of(visit)
    with visit.console.readers.connect() as connection:
        page = page_of_breaks(
            connection,
            query.break_filter,
            order=query.order,
            after=query.after,
            limit=int(visit.query.get("limit", PAGE_ROWS)),
        )
    items = tuple(BreakJson(**break_fields(item, visit.config)) for item in page.breaks)
    return BreakListJson(items=items, total=page.total, next=page.next)


def show_break(visit: Visit) -> BreakDetailJson:
    """One break with its notes, corrections, write-offs and audit trail."""
    history = _history(visit)
    break_, exponents = history.break_, visit.config.exponents(history.break_.provider)
    return BreakDetailJson(
        **break_fields(break_, visit.config),
        ours=_side(break_.ours, break_.currency, exponents),
        theirs=_side(break_.theirs, break_.currency, exponents),
        evidence=dict(break_.evidence),
        trial=trial_json(break_, exponents),
        suggested=tuple(
            CorrectionJson(
                amount=money(item.amount, break_.currency, exponents), side=item.side
            )
            for item in corrections_suggested(break_, exponents)
        ),
        actions=tuple(action.name for action in ACTIONS if break_.state in action.states),
        trail=trail_json(history.trail),
        **_decisions(history, exponents),
    )


def show_sources(visit: Visit) -> SourceListJson:
    """What every source says about the round of a break, by time."""
    break_ = _history(visit).break_
    exponents = visit.config.exponents(break_.provider)
    words = sorted(
        sources_of(visit.console.readers, break_, exponents), key=lambda word: word.at
    )
    with_bytes = visit.query.get("bytes") == "true"
    return SourceListJson(items=tuple(_source(word, with_bytes=with_bytes) for word in words))


def break_fields(break_: TrackedBreak, config: ConsoleConfig) -> dict[str, Any]:
    """The fields of ``BreakJson``; their names are those of ``tieout breaks list --json``."""
    exponents = config.exponents(break_.provider)
    due = due_at(
        config.due_rules, break_.impact, break_.currency, break_.difference, break_.opened_at
    )
    same = (
        *("provider", "kind", "impact", "state", "assignee", "player", "currency", "alias"),
        *("game", "explanation", "answer", "run_id", "began_at", "first_seen", "last_seen"),
        *("cleared_at", "opened_at", "since", "reopened"),
    )
    return {
        "id": break_.break_id,
        **{name: getattr(break_, name) for name in same},
        "standing": str(break_.standing),
        "round_key": break_.round_id,
        "difference": money(break_.difference, break_.currency, exponents),
        "invoice_impact": str(invoice_impact(break_.kind, break_.difference)),
        "invoice_difference": money(break_.effects.invoice, break_.currency, exponents),
        "due": None if break_.state in SETTLED else due,
        "version": break_.version,
    }


def trail_json(rows: list[AuditRow]) -> tuple[TrailJson, ...]:
    """The audit trail of a thing."""
    return tuple(
        TrailJson(
            at=row.at,
            by=row.actor,
            acting=row.acting,
            action=row.action,
            detail=dict(row.detail),
        )
        for row in rows
    )


def trial_json(break_: TrackedBreak, exponents: _Exponents) -> TrialJson | None:
    """What the newest correction was tried to do; None if there was none."""
    trial = break_.trial
    if trial is None:
        return None

    def amount(text: object, currency: str = break_.currency) -> Any:
        return money_of_text(text, currency, exponents)

    def breaks(name: str) -> tuple[TrialBreakJson, ...]:
        return tuple(
            TrialBreakJson(
                **{**item, "difference": amount(item["difference"], item["currency"])}
            )
            for item in trial[name]
        )

    return TrialJson(
        **{name: trial[name] for name in ("tried_at", "run_id", "found", "cured")},
        closes=breaks("closes"),
        opens=breaks("opens"),
        changes=breaks("changes"),
        entries=tuple(
            TrialEntryJson(account=item["account"], amount=amount(item["amount"]))
            for item in trial["entries"]
        ),
        balance_before=amount(trial["balance_before"]),
        balance_after=amount(trial["balance_after"]),
        contradictions=tuple(ContradictionJson(**item) for item in trial["contradictions"]),
        overruled=tuple(trial["overruled"]),
    )


def _history(visit: Visit) -> BreakHistory:
    engine, break_id = visit.console.readers, visit.path["id"]
    if not break_exists(engine, break_id):
        raise not_found("break", break_id)
    return break_history(engine, break_id)


def _side(
    side: Mapping[str, Any] | None, currency: str, exponents: _Exponents
) -> BreakSideJson | None:
    if side is None:
        return None
    records, at, player = side.get("records"), side.get("at"), side.get("player")
    return BreakSideJson(
        **{
            name: money_of_text(side.get(name), currency, exponents)
            for name in ("stake", "payout", "declared_net")
        },
        player=None if player is None else str(player),
        records=records if isinstance(records, int) else None,
        at=None if at is None else str(at),
        rolled_back=bool(side.get("rolled_back", False)),
    )


def _decisions(history: BreakHistory, exponents: _Exponents) -> dict[str, Any]:
    """Notes, adjustments and write-offs of a break."""
    write_off_names = (
        *("write_off_id", "state", "currency", "reason", "proposed_by", "proposed_at"),
        *("decided_by", "decided_at", "reversed_by", "reversed_at"),
    )
    return {
        "notes": tuple(
            NoteJson(
                id=str(note.note_id),
                by=note.author,
                **{
                    name: getattr(note, name)
                    for name in ("at", "kind", "body", "digest", "size")
                },
            )
            for note in history.notes
        ),
        "adjustments": tuple(
            AdjustmentJson(
                amount=money(item.amount, item.currency, exponents),
                side=None if item.within is None else item.within.side,
                **{
                    name: getattr(item, name)
                    for name in (
                        "id",
                        "state",
                        "reason",
                        "proposed_by",
                        "decided_by",
                        "decision",
                    )
                },
            )
            for item in history.adjustments
        ),
        "write_offs": tuple(
            WriteOffJson(
                amount=money(item.amount, item.currency, exponents),
                **{name: getattr(item, name) for name in write_off_names},
            )
            for item in history.write_offs
        ),
    }


def _source(word: SourceWord, *, with_bytes: bool) -> SourceJson:
    received, answered = (
        b64encode(content).decode() if with_bytes and content is not None else None
        for content in (word.received, word.answered)
    )
    return SourceJson(
        source=word.source,
        at=word.at,
        id=word.id,
        words=word.words,
        received=received,
        answered=answered,
    )


_BREAK = Read(
    path="/breaks/{id}",
    summary="One break with everything that people did",
    tag=_TAG,
    right=Right.READ,
    show=show_break,
    answer=BreakDetailJson,
)
ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/breaks",
        summary="Breaks in pages, by filters",
        tag=_TAG,
        right=Right.READ,
        show=list_breaks,
        answer=BreakListJson,
        query=BreakListQuery,
    ),
    _BREAK,
    Read(
        path="/breaks/{id}/sources",
        summary="What every source says about the round",
        tag=_TAG,
        right=Right.READ,
        show=show_sources,
        answer=SourceListJson,
        query=BreakSourcesQuery,
    ),
    *(
        Write(
            path=f"/breaks/{{id}}/{action.name}",
            summary=_WRITES[action.name][0],
            tag=_TAG,
            right=action.right,
            act=action.handle,
            body=_WRITES[action.name][1],
            of=_BREAK,
            needs_version=action.name not in _UNVERSIONED,
        )
        for action in ACTIONS
        if action.name in _WRITES
    ),
)
