"""Queries about breaks: by filter, one with its history, by age, by due date.

Tables read: ``breaks``, ``break_workflows``, ``break_notes``, ``adjustments``, ``write_offs``,
``feed_records``, ``audit``.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, Engine, TextClause, text

from breaks.kinds import BreakKind, Impact
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
#: Whether a break that is not settled is past a due date; see ``overdue_parameters``.
OVERDUE = """
l.state <> ALL(:settled) AND l.opened_at < :overdue_shortest AND EXISTS (
  SELECT FROM unnest(CAST(:overdue_impacts AS text[]), CAST(:overdue_befores AS timestamptz[]),
                     CAST(:overdue_currencies AS text[]), CAST(:overdue_least AS bigint[]))
           AS r (impact, before, currency, least)
   WHERE r.impact = b.impact AND l.opened_at < r.before
     AND (r.currency IS NULL
          OR (r.currency = b.currency AND abs(b.difference) >= r.least)))
"""
_FROM = "FROM breaks b JOIN break_workflows l USING (break_id)"
#: By field of a filter, the condition that it adds.
_CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "provider": "b.provider = :provider",
        "kind": "b.kind = :kind",
        "impact": "b.impact = :impact",
        "assignee": "l.assignee = :assignee",
        "currency": "b.currency = :currency",
        "ids": "b.break_id = ANY(CAST(:ids AS text[]))",
        "min_difference": "abs(b.difference) >= :min_difference",
        "max_difference": "abs(b.difference) <= :max_difference",
        "opened_before": "l.opened_at < :opened_before",
        "opened_after": "l.opened_at >= :opened_after",
        "in_figures": "b.cleared_at IS NULL AND b.kind = ANY(:in_figures)",
        "run_id": "b.run_id = :run_id",
        "round_id": "(b.round_id = :round_id OR (b.alias = :round_id AND b.alias <> ''))",
        "player": "b.player = :player",
        "game": "b.games @> ARRAY[CAST(:game AS text)]",
        "mentioned": "EXISTS (SELECT FROM break_mentions m WHERE m.break_id = b.break_id"
        " AND m.person_id = :mentioned AND m.read_at IS NULL)",
        "overdue": OVERDUE,
        "words": "strpos(b.words, lower(:words)) > 0",
    }
)
#: Those of them that are about the workflow.
_ON_WORKFLOWS = frozenset({"assignee", "opened_before", "opened_after"})
_OF_ROUND = f"""
SELECT {COLUMNS} {_FROM}
 WHERE b.match_key = :match_key AND b.provider = :provider AND b.round_id = :round_id
 ORDER BY b.cleared_at IS NOT NULL, b.first_seen, b.break_id
"""
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
        """A query of the matching breaks ``b`` and their workflows ``l``.

        Only the conditions that are set are part of it, so each can use its index.
        """
        chosen = [*self._of_breaks(), *self._of_workflows()]
        return text(f"SELECT {select} {_FROM} WHERE {' AND '.join(chosen) or 'true'} {end}")

    def count_query(self) -> TextClause:
        """A query of how many breaks match; reads both tables only if both have a condition.

        Every break has exactly one workflow, so either table can be counted.
        """
        of_breaks, of_workflows = self._of_breaks(), self._of_workflows()
        if self.overdue is not None:
            return self.query("count(*)")
        if not of_breaks:
            source, chosen = "break_workflows l", of_workflows
        elif not of_workflows:
            source, chosen = "breaks b", of_breaks
        else:
            return self.query("count(*)")
        return text(f"SELECT count(*) FROM {source} WHERE {' AND '.join(chosen) or 'true'}")  # noqa: S608 - our own conditions

    def _of_breaks(self) -> list[str]:
        """The conditions on breaks."""
        chosen = self._chosen(_CONDITIONS.keys() - _ON_WORKFLOWS)
        if self.windows is not None:
            spans = (_window_sql(slug, number) for number, slug in enumerate(self.windows))
            chosen.append(f"({' OR '.join(spans)})")
        return chosen

    def _of_workflows(self) -> list[str]:
        """The conditions on workflows."""
        chosen = self._chosen(_ON_WORKFLOWS)
        if self.states:
            chosen.append("l.state = ANY(:states)")
        elif not self.include_closed and self.in_figures is None:
            chosen.append("l.state <> 'closed'")
        return chosen

    def _chosen(self, names: Set[str]) -> list[str]:
        return [
            sql
            for name, sql in _CONDITIONS.items()
            if name in names and getattr(self, name) is not None
        ]

    def parameters(self) -> dict[str, object]:
        """The parameters of the query."""
        values = {name: getattr(self, name) for name in _CONDITIONS}
        values["ids"] = None if self.ids is None else array_text(self.ids)
        values["in_figures"] = [str(kind) for kind in self.in_figures or ()]
        values.pop("overdue")
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


def overdue_parameters(limits: Iterable[OverdueLimit]) -> dict[str, object]:
    """The parameters of ``OVERDUE``."""
    listed = list(limits)
    return {
        "settled": [str(state) for state in SETTLED],
        # Only what is older than the shortest time of any rule is compared with the rules.
        "overdue_shortest": max((limit.opened_before for limit in listed), default=None),
        "overdue_impacts": [str(limit.impact) for limit in listed],
        "overdue_befores": [limit.opened_before for limit in listed],
        "overdue_currencies": [limit.currency for limit in listed],
        "overdue_least": [limit.least for limit in listed],
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
    query = break_filter.query(COLUMNS, end="ORDER BY opened_at, break_id LIMIT :limit")
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
        query = break_filter.count_query()
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
    query = break_filter.query("break_id", end="ORDER BY break_id FOR UPDATE OF l")
    rows = connection.execute(query, break_filter.parameters())
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
