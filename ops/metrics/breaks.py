"""Breaks as metrics: how many, how much, how old, overdue, and what may become one."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from breaks.kinds import Impact
from breaks.policy import SlaRule
from breaks.states import settled_states
from breaks.unanswered import count_unanswered
from ops.metrics.catalogue import Sample, sample
from ops.settings.break_policy import rules_of
from ops.settings.model import Settings

_OPEN = """
SELECT b.provider, b.kind, b.impact, l.state, b.currency, count(*),
       sum(abs(b.difference::numeric))
  FROM break_workflows l JOIN breaks b USING (break_id)
 WHERE l.state <> 'closed' GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
# A rule without amounts has no currency. A break is overdue by the strictest rule that applies.
_UNSETTLED = """
SELECT b.provider, b.impact, extract(epoch FROM :now - min(l.opened_at))::float8,
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM unnest(CAST(:impacts AS text[]), CAST(:withins AS interval[]),
                              CAST(:currencies AS text[]), CAST(:minimums AS bigint[]))
                    AS r (impact, within, currency, minimum)
            WHERE r.impact = b.impact AND l.opened_at + r.within < :now
              AND (r.currency IS NULL
                   OR (r.currency = b.currency AND abs(b.difference) >= r.minimum))))
  FROM break_workflows l JOIN breaks b USING (break_id)
 WHERE l.state <> 'closed' AND l.state <> ALL (:settled)
 GROUP BY 1, 2 ORDER BY 1, 2
"""


def break_samples(
    connection: Connection, settings: Settings, now: datetime
) -> Iterator[Sample]:
    """Everything about breaks that are not closed, and about unanswered operations."""
    yield from _open_breaks(connection)
    slugs = [entry.slug for entry in settings.providers]
    unsettled = {(slug, impact.value): (0.0, 0) for slug in slugs for impact in Impact}
    settled = settled_states()
    parameters = {"now": now, "settled": settled, **_columns(rules_of(settings))}
    for provider, impact, oldest_s, overdue in connection.execute(text(_UNSETTLED), parameters):
        unsettled[provider, impact] = (max(oldest_s, 0.0), overdue)
    for labels, (oldest_s, overdue) in unsettled.items():
        yield sample("breaks_overdue", *labels, value=overdue)
        yield sample("breaks_oldest_seconds", *labels, value=oldest_s)
    unanswered = {**dict.fromkeys(slugs, 0), **count_unanswered(connection)}
    for slug, count in unanswered.items():
        yield sample("unanswered_operations", slug, value=count)


def _open_breaks(connection: Connection) -> Iterator[Sample]:
    counts: dict[tuple[str, ...], int] = {}
    for row in connection.execute(text(_OPEN)):
        *labels, currency, count, minor = row
        key = tuple(labels)
        counts[key] = counts.get(key, 0) + count
        yield sample("breaks_money_minor", *labels, currency, value=int(minor))
    for key, count in counts.items():
        yield sample("breaks", *key, value=count)


def _columns(rules: Sequence[SlaRule]) -> dict[str, list[object]]:
    """The rules as columns, a row for each minimum amount of a rule."""
    rows: list[tuple[object, ...]] = []
    for rule in rules:
        amounts: list[tuple[str | None, int | None]] = [*rule.min_amount.items()] or [
            (None, None)
        ]
        rows += [(rule.impact.value, rule.within, code, minimum) for code, minimum in amounts]
    names = ("impacts", "withins", "currencies", "minimums")
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}
