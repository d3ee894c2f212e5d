"""Reads, locks and moves single breaks; a step and its audit row are one transaction.

``breaks.actions`` and ``breaks.corrections.proposals`` are built on these functions. Tables
written: ``break_workflows``, ``audit``; ``breaks`` is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from breaks.kinds import BreakKind, Impact
from breaks.listed import GAME, ListedBreak
from breaks.standing import Standing, standing_of
from breaks.states import SETTLED, ActionRefused, BreakChanged, BreakState, check_step
from storage.audit import AuditEntry, record_all
from storage.people import refused_people
from vocabulary.errors import Unavailable

_NAMES = (
    *("break_id", "provider", "kind", "impact", "player", "currency", "round_id", "ours"),
    *("theirs", "difference", "explanation", "evidence", "run_id", "first_seen", "last_seen"),
    *("cleared_at", "state", "assignee", "since", "opened_at", "reopened", "settled", "answer"),
    *("began_at", "alias"),
)
# LIMIT keeps each a look-up by index: EXISTS may be planned as one scan of the whole table.
_DERIVED = {
    "corrected": "(SELECT true FROM adjustments a"
    " WHERE a.break_id = b.break_id AND a.state = 'posted' LIMIT 1) IS TRUE",
    "player_known": "(SELECT true FROM players p WHERE p.player = b.player LIMIT 1) IS TRUE",
    "game": GAME,
    "trial": "(SELECT t.answer FROM correction_trials t WHERE t.break_id = b.break_id"
    " ORDER BY t.trial_id DESC LIMIT 1)",
}
#: The columns of ``breaks b JOIN break_workflows l USING (break_id)`` for ``break_from_row``.
COLUMNS = ", ".join([*_NAMES, *(f"{sql} AS {name}" for name, sql in _DERIVED.items())])
_GET = f"""
SELECT {COLUMNS} FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE break_id = :id
"""  # noqa: S608 - our own columns
_LOCK_SEVERAL = f"""
SELECT {COLUMNS} FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE break_id = ANY(CAST(:ids AS text[])) ORDER BY break_id FOR UPDATE OF l
"""  # noqa: S608 - our own columns
_NAMED = f"""
SELECT {COLUMNS} FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE break_id = ANY(CAST(:ids AS text[])) ORDER BY abs(difference) DESC, break_id
"""  # noqa: S608 - our own columns
_MOVE = """
UPDATE break_workflows SET state = :state, assignee = :assignee, since = :since,
       opened_at = :opened_at, reopened = :reopened, settled = :settled
 WHERE break_id = :id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedBreak(ListedBreak):
    """A break as the last run found it, with its workflow state and its documents.

    Attributes:
        ours, theirs: the two sides of the round, amounts as decimal text; None if missing.
        cleared_at: when a run no longer found it; None while runs find it. settled: the
        difference that a person accepted: explained, wrote off or closed. answer: the
        provider's answer to an inquiry: confirmed, unknown, failed. alias: the provider's own
        round id if it differs from ours; else empty. corrected: a correction of it was booked,
        now or when it was open before. player_known: the player is one of ours. trial: what its
        newest correction was tried to do, see ``breaks.corrections.trials``; None if it had
        none.
    """

    ours: Mapping[str, Any] | None
    theirs: Mapping[str, Any] | None
    evidence: Mapping[str, Any]
    first_seen: datetime
    last_seen: datetime
    cleared_at: datetime | None
    reopened: int
    settled: int | None
    answer: str | None
    alias: str
    corrected: bool
    player_known: bool
    trial: Mapping[str, Any] | None = None

    @property
    def standing(self) -> Standing:
        """How it counts for people."""
        return standing_of(self.state, corrected=self.corrected)

    @property
    def unreadable_file(self) -> str | None:
        """The statement file whose line could not be read; None unless it is about one."""
        file = self.evidence.get("file")
        return str(file) if self.kind is BreakKind.UNPARSABLE and file else None

    @property
    def left_out_of(self) -> str | None:
        """The delivery that withdrew the provider's record, if it has none any more."""
        withdrawn = self.evidence.get("withdrawn")
        if self.theirs is not None or not withdrawn:
            return None
        return str(withdrawn[0].get("withdrawn_by", "")) or None


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction for one action.

    Raises:
        PersonRefused: the database does not take the person, or not beside the other one.
        Unavailable: the database is out of reach.
    """
    try:
        with refused_people(), engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise Unavailable("breaks: the database is out of reach") from error


def breaks_named(connection: Connection, ids: Sequence[str]) -> list[TrackedBreak]:
    """Those of the breaks that there are, the largest difference first."""
    rows = connection.execute(text(_NAMED), {"ids": list(ids)})
    return [break_from_row(tuple(row)) for row in rows]


def break_exists(engine: Engine, break_id: str) -> bool:
    """Whether there is a break with this id.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        row = connection.execute(text(_GET), {"id": break_id}).one_or_none()
        return row is not None


def break_from_row(row: tuple[Any, ...]) -> TrackedBreak:
    """A break from a row of ``COLUMNS``."""
    values = dict(zip([*_NAMES, *_DERIVED], row, strict=True))
    values["kind"] = BreakKind(values["kind"])
    values["impact"] = Impact(values["impact"])
    values["state"] = BreakState(values["state"])
    return TrackedBreak(**values)


def get_break(connection: Connection, break_id: str) -> TrackedBreak:
    """One break.

    Raises:
        ActionRefused: there is none with this id.
    """
    return _select(connection, _GET, break_id)


def read_break(engine: Engine, break_id: str) -> TrackedBreak:
    """One break without its history.

    Raises:
        ActionRefused: there is none with this id.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return get_break(connection, break_id)


def lock_break(connection: Connection, break_id: str) -> TrackedBreak:
    """One break, locked against other transactions until this one ends.

    Raises:
        ActionRefused: there is none with this id.
    """
    return _select(connection, f"{_GET} FOR UPDATE OF l", break_id)


def lock_breaks(connection: Connection, ids: Sequence[str]) -> list[TrackedBreak]:
    """Those of the breaks that there are, in the order of their ids, locked."""
    rows = connection.execute(text(_LOCK_SEVERAL), {"ids": list(ids)})
    return [break_from_row(tuple(row)) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakMove:
    """A step of a break that is allowed and not written yet.

    Attributes:
        action: for the audit trail.
    """

    before: TrackedBreak
    after: TrackedBreak
    by: str
    action: str
    why: str


def plan_move(
    break_: TrackedBreak,
    to: BreakState,
    *,
    by: str,
    now: datetime,
    action: str,
    why: str,
    assignee: str | None = None,
) -> BreakMove:
    """The move of a locked break to another state.

    Raises:
        ActionRefused: the step is not allowed, or the name or the reason is empty.
    """
    require_text(by=by, why=why)
    check_step(break_.break_id, break_.state, to)
    after = _after_step(break_, to, now=now, assignee=assignee)
    return BreakMove(before=break_, after=after, by=by, action=action, why=why)


def write_moves(connection: Connection, moves: Sequence[BreakMove]) -> None:
    """Write moves of locked breaks with their audit rows, in order."""
    if not moves:
        return
    params = [
        {
            "id": move.after.break_id,
            "state": move.after.state.value,
            "assignee": move.after.assignee,
            "since": move.after.since,
            "opened_at": move.after.opened_at,
            "reopened": move.after.reopened,
            "settled": move.after.settled,
        }
        for move in moves
    ]
    connection.execute(text(_MOVE), params)
    record_all(
        connection,
        [
            AuditEntry(
                actor=move.by,
                action=f"break.{move.action}",
                subject=move.after.break_id,
                detail={
                    "why": move.why,
                    "before": _workflow_json(move.before),
                    "after": _workflow_json(move.after),
                },
            )
            for move in moves
        ],
    )


def move_break(
    connection: Connection,
    break_: TrackedBreak,
    to: BreakState,
    *,
    by: str,
    now: datetime,
    action: str,
    why: str,
    assignee: str | None = None,
) -> TrackedBreak:
    """Move a locked break to another state and write the audit row.

    Raises:
        ActionRefused: the step is not allowed, or the name or the reason is empty.
    """
    move = plan_move(break_, to, by=by, now=now, action=action, why=why, assignee=assignee)
    write_moves(connection, [move])
    return move.after


def require_text(**texts: str) -> None:
    """Check that none of these texts is empty; their names are the keys of ``_MEANINGS``.

    Raises:
        ActionRefused: names the missing ones.
    """
    missing = [_MEANINGS[name] for name, text in texts.items() if not text.strip()]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ActionRefused(f"{' and '.join(missing)} {verb} expected")


def require_version(break_: TrackedBreak, version: str | None) -> None:
    """Check that a locked break is as a person saw it; None: whatever it is.

    Raises:
        BreakChanged: it has another version by now.
    """
    if version is not None and break_.version != version:
        raise BreakChanged(f"{break_.break_id} changed since you opened it")


_MEANINGS: Mapping[str, str] = {
    "by": "the name of the person who acts",
    "why": "a reason",
    "body": "a text",
    "to": "the name of the assignee",
}


#: States after which a break that is open again counts as reopened.
_ENDED = frozenset({BreakState.POSTED, BreakState.WRITTEN_OFF, BreakState.CLOSED})


def _after_step(
    break_: TrackedBreak, to: BreakState, *, now: datetime, assignee: str | None
) -> TrackedBreak:
    accepts = to in {BreakState.EXPLAINED, BreakState.WRITTEN_OFF, BreakState.CLOSED}
    if break_.state is BreakState.POSTED:
        accepts = False  # who closes it says that its correction leaves no difference
    reopens = to is BreakState.OPEN and break_.state in _ENDED
    return replace(
        break_,
        state=to,
        since=break_.since if {break_.state, to} <= SETTLED else now,
        assignee=None if to is BreakState.OPEN else assignee or break_.assignee,
        settled=break_.difference if accepts else None,
        opened_at=now if reopens else break_.opened_at,
        reopened=break_.reopened + reopens,
    )


def _workflow_json(break_: TrackedBreak) -> dict[str, object]:
    return {
        "state": break_.state.value,
        "assignee": break_.assignee,
        "settled": break_.settled,
        "since": break_.since.isoformat(),
        "difference": break_.difference,
    }


def _select(connection: Connection, sql: str, break_id: str) -> TrackedBreak:
    row = connection.execute(text(sql), {"id": break_id}).one_or_none()
    if row is None:
        raise ActionRefused(f"there is no break {break_id}")
    return break_from_row(tuple(row))
