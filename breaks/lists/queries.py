"""Queries about breaks: by filter, one with its history, by age, by due date.

A filter chooses among the narrow rows of ``listed_breaks``; those of ``breaks`` are read by id.
Tables read: ``listed_breaks``, ``breaks``, ``break_workflows``, ``break_mentions``,
``break_notes``, ``adjustments``, ``write_offs``, ``audit``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, Engine, TextClause, text

from breaks.kinds import BreakKind, Impact
from breaks.lists.overdue import overdue_parameters, overdue_sql
from breaks.policy import AGES, OverdueLimit, SlaRule, age_bucket, due_at
from breaks.standing import Standing, count_standings
from breaks.states import SETTLED, BreakState
from breaks.store import COLUMNS, TrackedBreak, break_from_row, get_break, transaction
from breaks.write_offs import WriteOff, write_offs_of
from ledger.corrections.adjustments import Adjustment, all_adjustments
from storage.arrays import array_text
from storage.audit import AuditRow, trail
from vocabulary.ids import match_key
from vocabulary.window import Window

#: Most breaks that are read at once.
BREAKS_MAX = 1_000_000
#: By field of a filter, the condition that it adds, on rows ``b`` of ``listed_breaks``.
_CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "provider": "b.provider = :provider",
        "kind": "b.kind = :kind",
        "impact": "b.impact = :impact",
        "currency": "b.currency = :currency",
        "ids": "b.break_id = ANY(CAST(:ids AS text[]))",
        # As the index by money has it.
        "min_difference": "-abs(b.difference) <= -CAST(:min_difference AS bigint)",
        "max_difference": "-abs(b.difference) >= -CAST(:max_difference AS bigint)",
        "in_figures": "b.cleared_at IS NULL AND b.kind = ANY(:in_figures)",
        "run_id": "b.break_id IN (SELECT r.break_id FROM breaks r WHERE r.run_id = :run_id)",
        "round_id": "(b.round_id = :round_id OR (b.alias = :round_id AND b.alias <> ''))",
        "player": "b.player = :player",
        "game": "b.games @> ARRAY[CAST(:game AS text)]",
        "mentioned": "EXISTS (SELECT FROM break_mentions m WHERE m.break_id = b.break_id"
        " AND m.person_id = :mentioned AND m.read_at IS NULL)",
        "words": "strpos(b.words, lower(:words)) > 0",
    }
)
#: The same for what a workflow holds; ``{row}`` is the row of either table that is asked.
_WORKFLOW_CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "assignee": "{row}.assignee = :assignee",
        "opened_before": "{row}.opened_at < :opened_before",
        "opened_after": "{row}.opened_at >= :opened_after",
    }
)
_ROWS = f"""
WITH chosen AS MATERIALIZED ({{chosen}})
SELECT {COLUMNS} FROM chosen
  JOIN breaks b USING (break_id) JOIN break_workflows l USING (break_id)
 ORDER BY l.opened_at, break_id
"""  # noqa: S608 - our own columns
# A break that somebody moved while this waited for them is looked at again as it is now.
_LOCK = """
SELECT l.break_id FROM listed_breaks b JOIN break_workflows l USING (break_id)
 WHERE {conditions} ORDER BY l.break_id FOR UPDATE OF l
"""
_OF_ROUND = f"""
SELECT {COLUMNS} FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE b.match_key = :match_key AND b.provider = :provider AND b.round_id = :round_id
 ORDER BY b.cleared_at IS NOT NULL, b.first_seen, b.break_id
"""  # noqa: S608 - our own columns
_NOTES = """
SELECT note_id, at, author, kind, body, digest, size FROM break_notes
 WHERE break_id = :id ORDER BY note_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakFilter:
    """Selects breaks; None means any, but without states closed ones are left out.

    Attributes:
        states: in one of these states; empty: in any but closed.
        include_closed: without states, include closed breaks.
        ids: one of these.
        min_difference: smallest difference of either sign, minor units.
        max_difference: largest difference of either sign, minor units.
        opened_before: opened before this instant; ``opened_after``: at it or later.
        in_figures: of one of these kinds, and still found by runs; any state counts.
        run_id: last seen by this run.
        round_id: our name of the round, or the provider's.
        windows: began in the window of its provider, by slug; that of ``""`` is for any other
            provider.
        game: the provider's history reported the round for this game when a run last saw it.
        mentioned: a comment names the person with this id, who has not read it.
        overdue: not settled, and past one of these limits.
        words: a text that the id, a round id, the player or the explanation contains.
    """

    provider: str | None = None
    kind: BreakKind | None = None
    impact: Impact | None = None
    states: tuple[BreakState, ...] = ()
    include_closed: bool = False
    assignee: str | None = None
    currency: str | None = None
    ids: tuple[str, ...] | None = None
    min_difference: int | None = None
    max_difference: int | None = None
    opened_before: datetime | None = None
    opened_after: datetime | None = None
    in_figures: frozenset[BreakKind] | None = None
    run_id: str | None = None
    round_id: str | None = None
    player: str | None = None
    windows: Mapping[str, Window] | None = None
    game: str | None = None
    mentioned: int | None = None
    overdue: tuple[OverdueLimit, ...] | None = None
    words: str | None = None

    def query(self, select: str, *, end: str = "") -> TextClause:
        """A query of the matching breaks, rows ``b`` of ``listed_breaks``.

        Only the conditions that are set are part of it, so each can use its index.
        """
        return text(f"SELECT {select} FROM listed_breaks b WHERE {self._conditions()} {end}")  # noqa: S608 - our own conditions

    def lock_query(self) -> TextClause:
        """A query of the ids of the matching breaks, in their order, that locks them."""
        now = self._workflow_conditions("l")
        return text(_LOCK.format(conditions=" AND ".join([self._conditions(), *now])))

    def _conditions(self) -> str:
        """All that is asked of a break."""
        chosen = [*self._chosen(_CONDITIONS), *self._workflow_conditions("b")]
        if self.windows is not None:
            spans = (_window_sql(slug, number) for number, slug in enumerate(self.windows))
            chosen.append(f"({' OR '.join(spans)})")
        if self.overdue is not None:
            chosen.append(overdue_sql(self.overdue))
        return " AND ".join(chosen) or "true"

    def _workflow_conditions(self, row: str) -> list[str]:
        """The conditions on what a workflow holds, on rows of this alias."""
        chosen = self._chosen(_WORKFLOW_CONDITIONS)
        if self.states:
            chosen.append("{row}.state = ANY(:states)")
        # Said of states, too: the indexes of what is not closed are found by it.
        if not self._may_be_closed():
            chosen.append("{row}.state <> 'closed'")
        return [sql.format(row=row) for sql in chosen]

    def _may_be_closed(self) -> bool:
        if self.states:
            return BreakState.CLOSED in self.states
        return self.include_closed or self.in_figures is not None

    def _chosen(self, conditions: Mapping[str, str]) -> list[str]:
        return [sql for name, sql in conditions.items() if getattr(self, name) is not None]

    def parameters(self) -> dict[str, object]:
        """The parameters of the query."""
        names = (*_CONDITIONS, *_WORKFLOW_CONDITIONS)
        values = {name: getattr(self, name) for name in names}
        values["ids"] = None if self.ids is None else array_text(self.ids)
        values["in_figures"] = [str(kind) for kind in self.in_figures or ()]
        states = [str(state) for state in self.states]
        windows = self.windows or {}
        numbered = {
            f"{name}{number}": value
            for number, slug in enumerate(windows)
            for name, value in (
                ("slug", slug),
                ("start", windows[slug].start),
                ("end", windows[slug].end),
            )
        }
        return {
            **values,
            **overdue_parameters(self.overdue or ()),
            "states": states,
            "slugs": list(windows),
            **numbered,
        }


_ANY_BREAK = BreakFilter(include_closed=True)
#: The fields of a filter that people type.
_NAMES = ("currency", "player", "assignee", "round_id", "game")


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
    """One break with its notes, corrections, write-offs and audit trail."""

    break_: TrackedBreak
    notes: list[StoredNote]
    adjustments: list[Adjustment]
    write_offs: list[WriteOff]
    trail: list[AuditRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBucket:
    """Breaks of one age, impact and currency; ``amount`` unsigned, minor units.

    Attributes:
        standings: how many of them count as open, explained and so on.
    """

    age: str
    impact: Impact
    currency: str
    breaks: int
    amount: int
    standings: Mapping[Standing, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueBreak:
    """A break that is not settled, with its due date."""

    break_: TrackedBreak
    due: datetime
    overdue: bool


def list_breaks(
    engine: Engine, break_filter: BreakFilter, *, limit: int = BREAKS_MAX
) -> list[TrackedBreak]:
    """The breaks that a filter matches, oldest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        return read_breaks(connection, break_filter, limit=limit)


def read_breaks(
    connection: Connection, break_filter: BreakFilter, *, limit: int = BREAKS_MAX
) -> list[TrackedBreak]:
    """``list_breaks``, in the caller's transaction."""
    chosen = break_filter.query(
        "b.break_id", end="ORDER BY b.opened_at, b.break_id LIMIT :limit"
    )
    query = text(_ROWS.format(chosen=chosen.text))
    rows = connection.execute(query, {**break_filter.parameters(), "limit": limit})
    return [break_from_row(tuple(row)) for row in rows]


def breaks_of_round(connection: Connection, provider: str, round_id: str) -> list[TrackedBreak]:
    """The breaks of a round, closed or not; those that runs still find come first."""
    params = {
        "match_key": match_key(provider, round_id),
        "provider": provider,
        "round_id": round_id,
    }
    rows = connection.execute(text(_OF_ROUND), params)
    return [break_from_row(tuple(row)) for row in rows]


def count_breaks(engine: Engine, break_filter: BreakFilter) -> int:
    """The number of breaks that a filter matches.

    Raises:
        Unavailable: the database is out of reach.
    """
    with transaction(engine) as connection:
        query = break_filter.query("count(*)")
        return int(connection.execute(query, break_filter.parameters()).scalar_one())


def unmatched_names(engine: Engine, break_filter: BreakFilter) -> list[str]:
    """The fields of a filter whose value no break has, open or closed: it may be mistyped.

    Raises:
        Unavailable: the database is out of reach.
    """
    return [
        name
        for name in _NAMES
        if (value := getattr(break_filter, name)) is not None
        and not count_breaks(engine, replace(_ANY_BREAK, **{name: value}))
    ]


def lock_ids(connection: Connection, break_filter: BreakFilter) -> list[str]:
    """The ids of the breaks that a filter matches, in order, locked by the transaction."""
    rows = connection.execute(break_filter.lock_query(), break_filter.parameters())
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
        write_offs = write_offs_of(connection, break_id)
    return BreakHistory(
        break_=break_,
        notes=notes,
        adjustments=all_adjustments(engine, break_id=break_id),
        write_offs=write_offs,
        trail=audit_rows,
    )


def age_buckets(engine: Engine, break_filter: BreakFilter, *, now: datetime) -> list[AgeBucket]:
    """Breaks by age, impact and currency; the youngest first.

    Raises:
        Unavailable: the database is out of reach.
    """
    buckets: dict[tuple[str, Impact, str], list[TrackedBreak]] = {}
    for break_ in list_breaks(engine, break_filter):
        key = (age_bucket(now - break_.opened_at), break_.impact, break_.currency)
        buckets.setdefault(key, []).append(break_)
    ages = list(AGES)
    return [
        AgeBucket(
            age=age,
            impact=impact,
            currency=currency,
            breaks=len(breaks),
            amount=sum(abs(break_.difference) for break_ in breaks),
            standings=count_standings(break_.standing for break_ in breaks),
        )
        for (age, impact, currency), breaks in sorted(
            buckets.items(), key=lambda item: (ages.index(item[0][0]), item[0][1:])
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


def _window_sql(slug: str, number: int) -> str:
    provider = f"b.provider = :slug{number}" if slug else "b.provider <> ALL(:slugs)"
    return f"({provider} AND b.began_at >= :start{number} AND b.began_at < :end{number})"
