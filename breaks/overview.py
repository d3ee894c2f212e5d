"""Sums of breaks that a screen begins with: by who owes, by age, and what waits for a person.

Added up by the database, so that they cost the same however many breaks there are to show.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from breaks.kinds import Impact
from breaks.policy import AGES, SlaRule, overdue_limits
from breaks.queries import OVERDUE, overdue_parameters
from breaks.states import SETTLED, BreakState

_OPEN_MONEY = """
SELECT b.provider, b.impact, b.currency,
       width_bucket(extract(epoch FROM CAST(:now AS timestamptz) - l.opened_at)::float8,
                    CAST(:ends AS double precision[])) AS age,
       count(*) AS breaks, sum(abs(b.difference))::bigint AS amount
  FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE l.state <> ALL(:settled)
 GROUP BY b.provider, b.impact, b.currency, age
"""
_WAITING = f"""
SELECT count(*) FILTER (WHERE l.state = ANY(:proposed)) AS proposed,
       count(*) FILTER (WHERE l.state <> ALL(:settled) AND l.assignee = :person) AS assigned,
       count(*) FILTER (WHERE l.state <> ALL(:settled)) AS open,
       count(*) FILTER (WHERE {OVERDUE}) AS overdue
  FROM breaks b JOIN break_workflows l USING (break_id)
 WHERE l.state <> 'closed'
"""  # noqa: S608 - our own condition


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


def open_sums(connection: Connection, *, now: datetime) -> list[OpenSum]:
    """The breaks that are not settled, by provider, impact, currency and age."""
    ages = list(AGES)
    ends = [end.total_seconds() for end in list(AGES.values())[:-1]]
    params = {"now": now, "ends": ends, "settled": _settled()}
    return [
        OpenSum(
            provider=row.provider,
            impact=Impact(row.impact),
            currency=row.currency,
            age=ages[row.age],
            breaks=row.breaks,
            amount=row.amount,
        )
        for row in connection.execute(text(_OPEN_MONEY), params)
    ]


def waiting_work(
    connection: Connection, person: str, rules: tuple[SlaRule, ...], *, now: datetime
) -> BreakWork:
    """What waits for anybody, and for one person."""
    params = {
        **overdue_parameters(overdue_limits(rules, now)),
        "person": person,
        "proposed": [BreakState.PROPOSED.value, BreakState.WRITE_OFF_PROPOSED.value],
    }
    row = connection.execute(text(_WAITING), params).one()
    return BreakWork(**row._mapping)


def _settled() -> list[str]:
    return [str(state) for state in SETTLED]
