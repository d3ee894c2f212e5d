"""One break with its life, read and locked; every step and its audit row in one transaction.

The functions of ``breaks.actions`` and ``breaks.corrections`` are made of these. Tables
touched: ``break_lives``, ``audit``; ``breaks`` is read.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from breaks.kinds import BreakKind, Impact
from breaks.states import ActionRefused, BreakState, must_follow
from storage.audit import record
from vocabulary.errors import Unavailable

_NAMES = (
    *("break_id", "provider", "kind", "impact", "player", "currency", "round_id", "ours"),
    *("theirs", "difference", "explanation", "evidence", "run_id", "first_seen", "last_seen"),
    *("cleared_at", "state", "assignee", "since", "opened_at", "reopened", "settled", "answer"),
)
#: What ``life_of`` reads, of ``breaks b JOIN break_lives l USING (break_id)``.
COLUMNS = ", ".join(_NAMES)
_GET = f"""
SELECT {COLUMNS} FROM breaks b JOIN break_lives l USING (break_id)
 WHERE break_id = :id
"""  # noqa: S608 - our own columns
_MOVE = """
UPDATE break_lives SET state = :state, assignee = :assignee, since = :since,
       opened_at = :opened_at, reopened = :reopened, settled = :settled
 WHERE break_id = :id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedBreak:
    """A break as the last run that saw it wrote it, and where it stands.

    Attributes:
        ours, theirs: what either side says, amounts as decimal text; None where it is silent.
        difference: signed minor units; positive means the player is owed.
        cleared_at: when a run no longer found it; None while it is found.
        since: in this state since.
        opened_at: first seen or reopened; age and SLA count from here.
        settled: the difference it was explained or closed for by a person.
        answer: what the provider said when it was asked: confirmed, unknown, failed.
    """

    break_id: str
    provider: str
    kind: BreakKind
    impact: Impact
    player: str | None
    currency: str
    round_id: str
    ours: Mapping[str, Any] | None
    theirs: Mapping[str, Any] | None
    difference: int
    explanation: str
    evidence: Mapping[str, Any]
    run_id: str
    first_seen: datetime
    last_seen: datetime
    cleared_at: datetime | None
    state: BreakState
    assignee: str | None
    since: datetime
    opened_at: datetime
    reopened: int
    settled: int | None
    answer: str | None


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction of one decision.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise Unavailable("breaks: the database is out of reach") from error


def is_known(engine: Engine, break_id: str) -> bool:
    """Whether there is such a break.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        found = connection.execute(text(_GET), {"id": break_id}).one_or_none()
        return found is not None


def life_of(row: tuple[Any, ...]) -> TrackedBreak:
    """A row of ``COLUMNS``."""
    told = dict(zip(_NAMES, row, strict=True))
    kinds = {"kind": BreakKind(told["kind"]), "impact": Impact(told["impact"])}
    return TrackedBreak(**{**told, **kinds, "state": BreakState(told["state"])})


def get(connection: Connection, break_id: str) -> TrackedBreak:
    """One break.

    Raises:
        LifeRefused: there is none of that id.
    """
    return _found(connection, _GET, break_id)


def locked(connection: Connection, break_id: str) -> TrackedBreak:
    """One break that nobody else can move until the transaction ends.

    Raises:
        LifeRefused: there is none of that id.
    """
    return _found(connection, f"{_GET} FOR UPDATE OF l", break_id)


def move(
    connection: Connection,
    life: TrackedBreak,
    to: BreakState,
    *,
    by: str,
    now: datetime,
    action: str,
    why: str,
    assignee: str | None = None,
) -> TrackedBreak:
    """Take a locked break one step further and say so in the audit trail.

    Raises:
        LifeRefused: there is no such step, nobody's name, or no reason.
    """
    must_say(by=by, why=why)
    must_follow(life.break_id, life.state, to)
    after = _stepped(life, to, now=now, assignee=assignee)
    written = {
        "id": life.break_id,
        "state": to.value,
        "assignee": after.assignee,
        "since": after.since,
        "opened_at": after.opened_at,
        "reopened": after.reopened,
        "settled": after.settled,
    }
    connection.execute(text(_MOVE), written)
    told = {"why": why, "before": _standing(life), "after": _standing(after)}
    record(connection, by, f"break.{action}", life.break_id, told)
    return after


def must_say(**said: str) -> None:
    """Make sure that nothing said is empty.

    Raises:
        LifeRefused: names what is missing.
    """
    missing = [_MEANT[name] for name, text in said.items() if not text.strip()]
    if missing:
        raise ActionRefused(f"{' and '.join(missing)} expected")


_MEANT: Mapping[str, str] = {
    "by": "the name of who does this is",
    "why": "a reason is",
    "body": "some words are",
    "to": "the name of who it is assigned to is",
}


def _stepped(
    life: TrackedBreak, to: BreakState, *, now: datetime, assignee: str | None
) -> TrackedBreak:
    by_hand = to in {BreakState.EXPLAINED, BreakState.CLOSED}
    anew = to is BreakState.OPEN and life.state in {BreakState.POSTED, BreakState.CLOSED}
    kept = None if to is BreakState.OPEN else assignee or life.assignee
    return replace(
        life,
        state=to,
        since=now,
        assignee=kept,
        settled=life.difference if by_hand else None,
        opened_at=now if anew else life.opened_at,
        reopened=life.reopened + anew,
    )


def _standing(life: TrackedBreak) -> dict[str, object]:
    return {"state": life.state.value, "assignee": life.assignee, "settled": life.settled}


def _found(connection: Connection, sql: str, break_id: str) -> TrackedBreak:
    row = connection.execute(text(sql), {"id": break_id}).one_or_none()
    if row is None:
        raise ActionRefused(f"no break is called {break_id}")
    return life_of(tuple(row))
