"""Queries about breaks: by filter, one with its history, by age, by due date.

Tables read: ``breaks``, ``break_workflows``, ``break_notes``, ``adjustments``, ``audit``.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from breaks.kinds import BreakKind, Impact
from breaks.policy import AGES, SlaRule, age_bucket, due_at
from breaks.states import SETTLED, BreakState
from breaks.store import COLUMNS, TrackedBreak, break_from_row, get_break, transaction
from ledger.corrections.adjustments import Adjustment, all_adjustments
from storage.audit import AuditRow, trail

_WHERE = """
  FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE (CAST(:provider AS text) IS NULL OR b.provider = :provider)
   AND (CAST(:kind AS text) IS NULL OR b.kind = :kind)
   AND (CAST(:impact AS text) IS NULL OR b.impact = :impact)
   AND (CASE WHEN CAST(:state AS text) IS NULL THEN l.state <> 'closed'
             ELSE l.state = :state END OR :include_closed)
   AND (CAST(:assignee AS text) IS NULL OR l.assignee = :assignee)
   AND (CAST(:currency AS text) IS NULL OR b.currency = :currency)
   AND (CAST(:min_difference AS bigint) IS NULL OR abs(b.difference) >= :min_difference)
   AND (CAST(:opened_before AS timestamptz) IS NULL OR l.opened_at < :opened_before)
   AND (CAST(:run_id AS text) IS NULL OR b.run_id = :run_id)
"""
_LIST = f"SELECT {COLUMNS} {_WHERE} ORDER BY opened_at, break_id LIMIT :limit"
_IDS = f"SELECT break_id {_WHERE} ORDER BY break_id FOR UPDATE OF l"
_COUNT = f"SELECT count(*) {_WHERE}"
_NOTES = """
SELECT note_id, at, author, kind, body, digest, size FROM break_notes
 WHERE break_id = :id ORDER BY note_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakFilter:
    """Selects breaks; None means any, but a state of None does not include closed ones.

    Attributes:
        include_closed: with a state of None, include closed breaks.
        min_difference: smallest difference of either sign, minor units.
        opened_before: opened before this instant.
        run_id: last seen by this run.
    """

    provider: str | None = None
    kind: BreakKind | None = None
    impact: Impact | None = None
    state: BreakState | None = None
    include_closed: bool = False
    assignee: str | None = None
    currency: str | None = None
    min_difference: int | None = None
    opened_before: datetime | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNote:
    """A stored comment or piece of evidence; ``size`` in bytes."""

    note_id: int
    at: datetime
    author: str
    kind: str
    body: str
    digest: str | None
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakHistory:
    """One break with its notes, corrections and audit trail."""

    break_: TrackedBreak
    notes: list[StoredNote]
    adjustments: list[Adjustment]
    trail: list[AuditRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBucket:
    """Breaks of one age, impact and currency; ``amount`` unsigned, minor units."""

    age: str
    impact: Impact
    currency: str
    breaks: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueBreak:
    """A break that is not settled, with its due date."""

    break_: TrackedBreak
    due: datetime
    overdue: bool


def list_breaks(
    engine: Engine, break_filter: BreakFilter, *, limit: int = 1_000_000
) -> list[TrackedBreak]:
    """The breaks that a filter matches, oldest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        rows = connection.execute(text(_LIST), {**asdict(break_filter), "limit": limit})
        return [break_from_row(tuple(row)) for row in rows]


def count_breaks(engine: Engine, break_filter: BreakFilter) -> int:
    """The number of breaks that a filter matches.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return int(connection.execute(text(_COUNT), asdict(break_filter)).scalar_one())


def lock_ids(connection: Connection, break_filter: BreakFilter) -> list[str]:
    """The ids of the breaks that a filter matches, in order, locked by the transaction."""
    rows = connection.execute(text(_IDS), asdict(break_filter))
    return [str(row.break_id) for row in rows]


def break_history(engine: Engine, break_id: str) -> BreakHistory:
    """One break with its notes, corrections and audit trail.

    Raises:
        ActionRefused: there is none with this id.
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        break_ = get_break(connection, break_id)
        rows = connection.execute(text(_NOTES), {"id": break_id}).mappings()
        notes = [StoredNote(**row) for row in rows]
        audit_rows = trail(connection, break_id)
    adjustments = all_adjustments(engine, break_id=break_id)
    return BreakHistory(break_=break_, notes=notes, adjustments=adjustments, trail=audit_rows)


def age_buckets(engine: Engine, break_filter: BreakFilter, *, now: datetime) -> list[AgeBucket]:
    """Breaks by age, impact and currency; the youngest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    amounts: dict[tuple[str, Impact, str], list[int]] = {}
    for break_ in list_breaks(engine, break_filter):
        key = (age_bucket(now - break_.opened_at), break_.impact, break_.currency)
        amounts.setdefault(key, []).append(abs(break_.difference))
    ages = list(AGES)
    return [
        AgeBucket(
            age=age,
            impact=impact,
            currency=currency,
            breaks=len(amounts[age, impact, currency]),
            amount=sum(amounts[age, impact, currency]),
        )
        for age, impact, currency in sorted(
            amounts, key=lambda key: (ages.index(key[0]), key[1:])
        )
    ]


def due_breaks(
    engine: Engine, break_filter: BreakFilter, rules: tuple[SlaRule, ...], *, now: datetime
) -> list[DueBreak]:
    """Breaks that are not settled and have a due date, the most urgent first.

    Raises:
        Unavailable: the database is out of reach.
    """
    due_list = [
        DueBreak(break_=break_, due=due, overdue=due < now)
        for break_ in list_breaks(engine, break_filter)
        if break_.state not in SETTLED and (due := _due(break_, rules)) is not None
    ]
    return sorted(due_list, key=lambda item: (item.due, item.break_.break_id))


def _due(break_: TrackedBreak, rules: tuple[SlaRule, ...]) -> datetime | None:
    return due_at(rules, break_.impact, break_.currency, break_.difference, break_.opened_at)
