"""What people do to a break from its page: the functions of the command line, on their session.

A form carries the version of the break that its page showed. If the break changed since,
nothing is done and both versions are shown.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from breaks.actions import (
    BreakAction,
    Note,
    apply,
    assigning,
    awaiting,
    explaining,
    if_unchanged,
    noting,
    reopening,
)
from breaks.attachments import attach_files, check_size
from breaks.bulk import BulkAction, correct
from breaks.corrections import proposals
from breaks.impact import effects_of
from breaks.lists.queries import BreakHistory
from breaks.mentions import mark_read
from breaks.provider_inquiries import request_inquiry
from breaks.states import STEPS, ActionRefused, BreakChanged, BreakState
from breaks.store import break_exists, read_break
from console.acting import writers_for
from console.config import Visit
from console.pages.breaks.correction import read_correction
from console.pages.breaks.orders import TEXT_CHARS_MAX, order_of, seen_note
from console.pages.parameters import read_text, required
from console.pages.stale_forms import stale_form
from console.replies import RequestRefused, SeeOther, not_found
from storage.people import get_person
from vocabulary.errors import Malformed
from vocabulary.people import Person, Right

_UNDECIDED = frozenset(
    {BreakState.OPEN, BreakState.ASSIGNED, BreakState.EXPLAINED, BreakState.WAITING}
)
_PROPOSED = frozenset({BreakState.PROPOSED, BreakState.WRITE_OFF_PROPOSED})
#: States of a write-off that is not booked yet.
_UNBOOKED = frozenset({"proposed", "approved"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAction:
    """One action of the page.

    Attributes:
        name: the last part of its address.
        perform: does it, with the engine of the person; returns the notice to show.
        states: in which it is offered.
        takes_files: whether its form may have files.
    """

    name: str
    right: Right
    perform: Callable[[Visit, Engine, str], str]
    states: frozenset[BreakState]
    takes_files: bool = False

    def handle(self, visit: Visit) -> SeeOther:
        """Do it for the person of the session."""
        break_id = visit.path["id"]
        if not break_exists(visit.console.readers, break_id):
            raise not_found("break", break_id)
        engine = writers_for(visit.console, visit.signed_in.person)
        try:
            notice = self.perform(visit, engine, break_id)
        except BreakChanged as changed:
            raise _stale(visit, break_id) from changed
        return SeeOther(path=f"/breaks/{break_id}?done={notice}")


def actions_for(
    history: BreakHistory, person: Person, askable: Collection[str]
) -> dict[str, bool]:
    """By name, whether the person may do it now; without the name, the state has no such step.

    A proposal is never offered to whoever made it; the database knows of their other accounts.
    An approved write-off waits for the scheduler, so nothing is offered about it.
    """
    break_ = history.break_
    allowed = {
        action.name: person.may(action.right)
        for action in ACTIONS
        if break_.state in action.states
    }
    proposers = {
        adjustment.proposed_by
        for adjustment in history.adjustments
        if adjustment.state == "proposed"
    }
    open_write_offs = [
        write_off for write_off in history.write_offs if write_off.state in _UNBOOKED
    ]
    proposers |= {write_off.proposed_by for write_off in open_write_offs}
    is_approved = any(write_off.state == "approved" for write_off in open_write_offs)
    if person.name in proposers or is_approved:
        allowed.update(dict.fromkeys(allowed.keys() & {"approve", "reject"}, False))
    if effects_of(break_.kind, break_.difference).invoice == 0:
        allowed.pop("write-off", None)
    if break_.provider not in askable:
        allowed.pop("ask", None)
    return allowed


def _text(visit: Visit, field: str, meaning: str) -> str:
    return read_text(visit.form, field, most=TEXT_CHARS_MAX, meaning=meaning)


def _apply(visit: Visit, engine: Engine, break_id: str, action: BreakAction) -> str:
    apply(engine, break_id, if_unchanged(action, visit.form.get("version", "")))
    return "saved"


def _comment(visit: Visit, engine: Engine, break_id: str) -> str:
    """A comment changes no state, so it is taken whatever happened meanwhile."""
    note = Note(kind="comment", body=_text(visit, "text", "a comment"))
    by, seen = visit.signed_in.person.name, seen_note(visit.form)
    apply(engine, break_id, noting(note, by=by, now=visit.now, seen=seen))
    return _read(visit, engine, break_id)


def _read(visit: Visit, engine: Engine, break_id: str) -> str:
    """The person has read the comments that name them."""
    with engine.begin() as connection:
        mark_read(connection, break_id, visit.signed_in.person.person_id, now=visit.now)
    return "saved"


def _attach(visit: Visit, engine: Engine, break_id: str) -> str:
    """Attach the files of the form, all or none."""
    if not visit.files:
        raise Malformed("file", "a file is expected")
    for file in visit.files:
        check_size(file.name or "the file", file.size)
    contents = [(file.name or "file", file.read()) for file in visit.files]
    by = visit.signed_in.person.name
    attach_files(engine, break_id, contents, by=by, now=visit.now, seen=seen_note(visit.form))
    return "saved"


def _ask(visit: Visit, engine: Engine, break_id: str) -> str:
    """Request the provider's bet detail; a worker asks, because it has the provider's keys."""
    break_ = read_break(visit.console.readers, break_id)
    if break_.provider not in visit.config.askable:
        raise ActionRefused(
            f"{break_.provider} has no call about one bet, or its API is not configured"
        )
    by = visit.signed_in.person.name
    request_inquiry(engine, break_id, by=by, now=visit.now, refresh=break_.answer is not None)
    return "asked"


def _assign(visit: Visit, engine: Engine, break_id: str) -> str:
    with visit.console.readers.connect() as connection:
        to = get_person(connection, required(visit.form, "to", "the name of a person"))
    by = visit.signed_in.person.name
    return _apply(visit, engine, break_id, assigning(to=to.name, by=by, now=visit.now))


def _settle(
    step: Callable[..., BreakAction], visit: Visit, engine: Engine, break_id: str
) -> str:
    action = step(
        by=visit.signed_in.person.name, why=_text(visit, "reason", "a reason"), now=visit.now
    )
    return _apply(visit, engine, break_id, action)


def _propose(visit: Visit, engine: Engine, break_id: str) -> str:
    break_ = read_break(visit.console.readers, break_id)
    exponents = visit.config.exponents(break_.provider)
    request = read_correction(visit.form, break_, exponents)
    proposals.propose(
        engine,
        break_id,
        by=visit.signed_in.person.name,
        reason=_text(visit, "reason", "a reason"),
        now=visit.now,
        try_corrections=visit.config.try_corrections,
        named=request.named,
        overruled=request.overruled,
        exponents=exponents,
        version=visit.form.get("version", ""),
    )
    return "proposed"


def _decide(visit: Visit, engine: Engine, break_id: str, action: BulkAction) -> None:
    """A decision about one break, as about many; approving only approves: ADR 0048."""
    correct(
        engine,
        read_break(visit.console.readers, break_id),
        order_of(visit, action),
        visit.console.clock,
        version=visit.form.get("version", ""),
    )


def _write_off(visit: Visit, engine: Engine, break_id: str) -> str:
    _decide(visit, engine, break_id, BulkAction.WRITE_OFF)
    return "proposed"


def _approve(visit: Visit, engine: Engine, break_id: str) -> str:
    _decide(visit, engine, break_id, BulkAction.APPROVE)
    return "approved"


def _reject(visit: Visit, engine: Engine, break_id: str) -> str:
    _decide(visit, engine, break_id, BulkAction.REJECT)
    return "saved"


def _stale(visit: Visit, break_id: str) -> RequestRefused:
    break_ = read_break(visit.console.readers, break_id)
    return stale_form(
        visit,
        subject="The break",
        what=break_id,
        back=f"/breaks/{break_id}",
        now_is=seen_text(break_.state, break_.assignee, break_.explanation),
    )


def seen_text(state: str, assignee: str | None, explanation: str) -> str:
    """A version of a break in words, as its form carries it."""
    return f"{state.replace('_', ' ')}, assigned to {assignee or 'nobody'}. {explanation}"


ACTIONS = (
    PageAction(
        name="comment",
        right=Right.WORK_BREAKS,
        perform=_comment,
        states=frozenset(BreakState),
    ),
    PageAction(
        name="attach",
        right=Right.WORK_BREAKS,
        perform=_attach,
        states=frozenset(BreakState),
        takes_files=True,
    ),
    PageAction(
        name="assign", right=Right.WORK_BREAKS, perform=_assign, states=frozenset(_UNDECIDED)
    ),
    PageAction(
        name="explain",
        right=Right.WORK_BREAKS,
        perform=partial(_settle, explaining),
        states=_UNDECIDED - {BreakState.EXPLAINED},
    ),
    PageAction(
        name="wait",
        right=Right.WORK_BREAKS,
        perform=partial(_settle, awaiting),
        states=_UNDECIDED - {BreakState.WAITING},
    ),
    PageAction(name="read", right=Right.READ, perform=_read, states=frozenset(BreakState)),
    PageAction(
        name="ask", right=Right.ASK_PROVIDERS, perform=_ask, states=frozenset(BreakState)
    ),
    PageAction(name="propose", right=Right.PROPOSE, perform=_propose, states=_UNDECIDED),
    PageAction(name="write-off", right=Right.WRITE_OFF, perform=_write_off, states=_UNDECIDED),
    PageAction(
        name="approve",
        right=Right.DECIDE,
        perform=_approve,
        states=_PROPOSED,
    ),
    PageAction(
        name="reject",
        right=Right.DECIDE,
        perform=_reject,
        states=_PROPOSED,
    ),
    PageAction(
        name="reopen",
        right=Right.WORK_BREAKS,
        perform=partial(_settle, reopening),
        states=frozenset(state for state in BreakState if BreakState.OPEN in STEPS[state])
        & frozenset({BreakState.EXPLAINED, BreakState.POSTED, BreakState.CLOSED}),
    ),
)
