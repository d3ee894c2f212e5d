"""Ask about breaks and their lives: by filter, with everything about one, by age, by due date.

Tables read: ``breaks``, ``break_lives``, ``break_notes``, ``adjustments``, ``audit``.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from breaks.kinds import BreakKind, Impact
from breaks.policy import AGES, SlaRule, bucket_of, due_at
from breaks.states import SETTLED, BreakState
from breaks.store import COLUMNS, TrackedBreak, get, life_of, transaction
from ledger.corrections.adjustments import Adjustment, every
from storage.audit import AuditRow, trail

_WHERE = """
  FROM breaks b JOIN break_lives l USING (break_id)
 WHERE (CAST(:provider AS text) IS NULL OR b.provider = :provider)
   AND (CAST(:kind AS text) IS NULL OR b.kind = :kind)
   AND (CAST(:impact AS text) IS NULL OR b.impact = :impact)
   AND (CASE WHEN CAST(:state AS text) IS NULL THEN l.state <> 'closed'
             ELSE l.state = :state END OR :any_state)
   AND (CAST(:assignee AS text) IS NULL OR l.assignee = :assignee)
   AND (CAST(:currency AS text) IS NULL OR b.currency = :currency)
   AND (CAST(:least AS bigint) IS NULL OR abs(b.difference) >= :least)
   AND (CAST(:before AS timestamptz) IS NULL OR l.opened_at < :before)
   AND (CAST(:run AS text) IS NULL OR b.run_id = :run)
"""
_LIST = f"SELECT {COLUMNS} {_WHERE} ORDER BY opened_at, break_id LIMIT :most"
_IDS = f"SELECT break_id {_WHERE} ORDER BY break_id FOR UPDATE OF l"
_COUNT = f"SELECT count(*) {_WHERE}"
_NOTES = """
SELECT note_id, at, author, kind, body, digest, size FROM break_notes
 WHERE break_id = :id ORDER BY note_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakFilter:
    """Which breaks; None asks for any, and for any state but closed.

    Attributes:
        any_state: closed ones too.
        least: smallest difference either way, minor units.
        before: opened before this instant.
        run: last seen by this run.
    """

    provider: str | None = None
    kind: BreakKind | None = None
    impact: Impact | None = None
    state: BreakState | None = None
    any_state: bool = False
    assignee: str | None = None
    currency: str | None = None
    least: int | None = None
    before: datetime | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptNote:
    """A comment or a piece of evidence as it is kept; ``size`` in bytes."""

    note_id: int
    at: datetime
    author: str
    kind: str
    body: str
    digest: str | None
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakHistory:
    """One break with everything that was said and done about it."""

    life: TrackedBreak
    notes: list[KeptNote]
    adjustments: list[Adjustment]
    trail: list[AuditRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBucket:
    """Unfinished breaks of one age, impact and currency; ``amount`` unsigned, minor units."""

    age: str
    impact: Impact
    currency: str
    breaks: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueBreak:
    """A break that somebody still has to deal with, and by when."""

    life: TrackedBreak
    due: datetime
    overdue: bool


def listed(engine: Engine, chosen: BreakFilter, *, most: int = 1_000_000) -> list[TrackedBreak]:
    """The breaks a filter chooses, oldest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        rows = connection.execute(text(_LIST), {**asdict(chosen), "most": most})
        return [life_of(tuple(row)) for row in rows]


def counted(engine: Engine, chosen: BreakFilter) -> int:
    """How many breaks a filter chooses.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return int(connection.execute(text(_COUNT), asdict(chosen)).scalar_one())


def ids_of(connection: Connection, chosen: BreakFilter) -> list[str]:
    """The ids a filter chooses, in their order, locked until the transaction ends."""
    return [str(row[0]) for row in connection.execute(text(_IDS), asdict(chosen))]


def story(engine: Engine, break_id: str) -> BreakHistory:
    """One break with its notes, its corrections and its audit trail.

    Raises:
        LifeRefused: there is none of that id.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        life = get(connection, break_id)
        rows = connection.execute(text(_NOTES), {"id": break_id})
        names = ("note_id", "at", "author", "kind", "body", "digest", "size")
        notes = [KeptNote(**dict(zip(names, row, strict=True))) for row in rows]
        done = trail(connection, break_id)
    return BreakHistory(
        life=life, notes=notes, adjustments=every(engine, break_id=break_id), trail=done
    )


def ageing(engine: Engine, chosen: BreakFilter, *, now: datetime) -> list[AgeBucket]:
    """Unfinished breaks by age, impact and currency; the youngest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    groups: dict[tuple[str, Impact, str], list[int]] = {}
    for life in listed(engine, chosen):
        key = (bucket_of(now - life.opened_at), life.impact, life.currency)
        groups.setdefault(key, []).append(abs(life.difference))
    order = list(AGES)
    return [
        AgeBucket(age=age, impact=impact, currency=code, breaks=len(some), amount=sum(some))
        for (age, impact, code), some in sorted(
            groups.items(), key=lambda group: (order.index(group[0][0]), group[0][1:])
        )
    ]


def dues(
    engine: Engine, chosen: BreakFilter, rules: tuple[SlaRule, ...], *, now: datetime
) -> list[DueBreak]:
    """What somebody still has to deal with, the most urgent first.

    Raises:
        Unavailable: the database is out of reach.
    """
    waiting = [life for life in listed(engine, chosen) if life.state not in SETTLED]
    found = [
        (due_at(rules, life.impact, life.currency, life.difference, life.opened_at), life)
        for life in waiting
    ]
    return [
        DueBreak(life=life, due=due, overdue=due < now)
        for due, life in sorted(
            ((due, life) for due, life in found if due is not None),
            key=lambda each: (each[0], each[1].break_id),
        )
    ]
