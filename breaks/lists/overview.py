"""Sums of breaks that a screen begins with: by who owes, by age, and what waits for a person.

Added up by the database, so that they cost the same however many breaks there are to show.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from breaks.kinds import Impact
from breaks.lists.overdue import overdue_parameters, overdue_sql
from breaks.policy import AGES, SlaRule, overdue_limits
from breaks.states import BreakState, settled_states

_OPEN_MONEY = """
SELECT b.provider, b.impact, b.currency,
       width_bucket(extract(epoch FROM CAST(:now AS timestamptz) - b.opened_at)::float8,
                    CAST(:ends AS double precision[])) AS age,
       count(*) AS breaks, sum(abs(b.difference)) AS amount
  FROM listed_breaks b
 WHERE b.state <> 'closed' AND b.state <> ALL(:settled)
 GROUP BY b.provider, b.impact, b.currency, age
"""
_WAITING = """
SELECT count(*) FILTER (WHERE state = ANY(:proposed)) AS proposed,
       count(*) FILTER (WHERE state <> ALL(:settled) AND assignee = :person) AS assigned,
       count(*) FILTER (WHERE state <> ALL(:settled)) AS open
  FROM listed_breaks WHERE state <> 'closed'
"""
_OVERDUE = "SELECT count(*) FROM listed_breaks b WHERE b.state <> 'closed' AND {overdue}"
# A step of a person writes an audit row in its transaction, a run its own row. Signing in and
# out changes nothing that is kept. Transactions commit out of order, so that the newest row may
# hide an older one that comes after it: rows just before it are counted, too.
_LAST_CHANGE = """
SELECT a.audit_id,
       (SELECT count(*) FROM audit b WHERE b.audit_id > a.audit_id - 200
           AND b.audit_id < a.audit_id) AS audited,
       ARRAY(SELECT (r.finished_at, (SELECT count(*) FROM runs o
                      WHERE o.provider = p.slug
                        AND o.finished_at > r.finished_at - interval '1 hour'))::text
               FROM unnest(CAST(:providers AS text[])) AS p (slug)
               LEFT JOIN LATERAL (SELECT max(finished_at) AS finished_at FROM runs
                                   WHERE provider = p.slug) r ON true) AS runs
  FROM (SELECT coalesce(max(audit_id), 0) AS audit_id
          FROM (SELECT audit_id FROM audit
                 WHERE audit_id > 0 AND action NOT LIKE 'session.%'
                 ORDER BY audit_id DESC LIMIT 1) newest) a
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSum:
    """Open breaks of one provider, impact, currency and age.

    Attributes:
        age: a key of ``breaks.policy.AGES``.
        amount: the sum of their unsigned differences, minor units.
    """

    provider: str
    impact: Impact
    currency: str
    age: str
    breaks: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakWork:
    """What waits for people.

    Attributes:
        proposed: corrections and write-offs that somebody has to decide.
        assigned: breaks that one person works on.
        open: breaks that are not settled.
        overdue: of them, those past the due date of a rule.
    """

    proposed: int
    assigned: int
    open: int
    overdue: int


def last_change(connection: Connection, providers: Iterable[str]) -> tuple[object, ...]:
    """A stamp that changes with what people and runs do to breaks and days."""
    row = connection.execute(text(_LAST_CHANGE), {"providers": list(providers)}).one()
    return (row.audit_id, row.audited, *row.runs)


def open_sums(connection: Connection, *, now: datetime) -> list[OpenSum]:
    """The breaks that are not settled, by provider, impact, currency and age."""
    ages = list(AGES)
    ends = [end.total_seconds() for end in list(AGES.values())[:-1]]
    params = {"now": now, "ends": ends, "settled": settled_states()}
    return [
        OpenSum(
            provider=row.provider,
            impact=Impact(row.impact),
            currency=row.currency,
            age=ages[row.age],
            breaks=row.breaks,
            amount=int(row.amount),
        )
        for row in connection.execute(text(_OPEN_MONEY), params)
    ]


def waiting_work(
    connection: Connection, person: str, rules: tuple[SlaRule, ...], *, now: datetime
) -> BreakWork:
    """What waits for anybody, and for one person."""
    limits = overdue_limits(rules, now)
    params = {
        **overdue_parameters(limits),
        "person": person,
        "proposed": [BreakState.PROPOSED.value, BreakState.WRITE_OFF_PROPOSED.value],
    }
    row = connection.execute(text(_WAITING), params).one()
    overdue_query = text(_OVERDUE.format(overdue=overdue_sql(limits)))
    overdue = connection.execute(overdue_query, params).scalar_one()
    return BreakWork(**row._mapping, overdue=overdue)
