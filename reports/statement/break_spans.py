"""When the breaks of a provider were open: each has a span of time for each time it was opened.

The workflow of a break says when it was opened last, and since when it is settled. What was
settled before that, and taken up again or found again, follows from the audit trail: a
statement of that time counted it, so that the next one has to bring it forward.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from breaks.states import SETTLED, settled_states
from reports.statement.roll_forward import BreakSpan, Cuts

_CURRENT = """
WITH current AS (
  SELECT b.break_id, b.currency, b.difference, b.first_seen, w.opened_at,
         CASE WHEN w.state = ANY(:settled) THEN w.since ELSE b.cleared_at END AS settled_at
    FROM breaks b JOIN break_workflows w USING (break_id)
   WHERE b.provider = :provider AND b.first_seen <= :report
)
SELECT * FROM current WHERE settled_at IS NULL OR settled_at >= :opening ORDER BY break_id
"""
# Steps have the state as a person's, which has more to it, or as a run's. Those of earlier
# versions have no instant of their own.
_STEPS = """
WITH steps AS (
  SELECT a.audit_id, a.subject AS break_id,
         coalesce(a.detail -> 'before' ->> 'state', a.detail ->> 'before') AS before,
         coalesce(a.detail -> 'after' ->> 'state', a.detail ->> 'after') AS after,
         coalesce((a.detail -> 'after' ->> 'since')::timestamptz,
                  (a.detail ->> 'since')::timestamptz, a.at) AS at,
         coalesce((a.detail -> 'after' ->> 'difference')::bigint,
                  (a.detail -> 'after' ->> 'settled')::bigint,
                  (a.detail ->> 'difference')::bigint) AS difference
    FROM audit a
   WHERE a.subject = ANY(CAST(:ids AS text[])) AND a.action LIKE 'break.%'
     AND a.detail ? 'before' AND a.detail ? 'after'
)
SELECT break_id, after, at, difference
  FROM (SELECT *, bool_or(before = ANY(:settled) AND after <> ALL(:settled))
                    OVER (PARTITION BY break_id) AS was_taken_up
          FROM steps) s
 WHERE was_taken_up ORDER BY break_id, audit_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStep:
    """A step of a break to a state.

    Attributes:
        difference: of the break at that moment; None: not known.
    """

    at: datetime
    after: str
    difference: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentSpan:
    """How a break stands now.

    Attributes:
        first_seen: when a run found it first; ``opened_at``: when it was opened last.
        settled_at: since when it is settled or gone; None: it is open.
    """

    break_id: str
    currency: str
    difference: int
    first_seen: datetime
    opened_at: datetime
    settled_at: datetime | None


def load_spans(connection: Connection, provider: str, cuts: Cuts) -> list[BreakSpan]:
    """The spans of all breaks that were open at the opening cut or later."""
    settled = settled_states()
    params = {
        "provider": provider,
        "settled": settled,
        "opening": cuts.opening,
        "report": cuts.report,
    }
    rows = connection.execute(text(_CURRENT), params).mappings()
    breaks = [CurrentSpan(**row) for row in rows]
    steps = _steps(connection, [break_.break_id for break_ in breaks], settled)
    return [
        span for break_ in breaks for span in spans_of(break_, steps.get(break_.break_id, ()))
    ]


def spans_of(break_: CurrentSpan, steps: Sequence[WorkflowStep]) -> Iterator[BreakSpan]:
    """The spans of a break in order. Pure.

    Args:
        break_: as it is now.
        steps: all of it, in order; none if it was opened only once.
    """
    opened_at: datetime | None = break_.first_seen
    ended: list[tuple[datetime, datetime, int]] = []
    for step in steps:
        if step.after in SETTLED and opened_at is not None:
            difference = break_.difference if step.difference is None else step.difference
            ended.append((opened_at, step.at, difference))
            opened_at = None
        elif step.after not in SETTLED and opened_at is None:
            opened_at = step.at
    if opened_at is None:  # the last of them is as the workflow has it
        opened_at = ended.pop()[0]
    for start, end, difference in ended:
        yield _span(break_, difference, start, end)
    last_end = ended[-1][1] if ended else None
    if last_end is None or break_.opened_at > last_end:
        opened_at = break_.opened_at
    yield _span(break_, break_.difference, opened_at, break_.settled_at)


def _span(
    break_: CurrentSpan, difference: int, start: datetime, end: datetime | None
) -> BreakSpan:
    return BreakSpan(
        break_id=break_.break_id,
        currency=break_.currency,
        difference=difference,
        opened_at=start,
        settled_at=end,
    )


def _steps(
    connection: Connection, break_ids: Iterable[str], settled: Sequence[str]
) -> Mapping[str, list[WorkflowStep]]:
    """All steps of the breaks that were open again after they were settled."""
    params: dict[str, Any] = {"ids": list(break_ids), "settled": settled}
    steps: dict[str, list[WorkflowStep]] = defaultdict(list)
    for row in connection.execute(text(_STEPS), params):
        steps[row.break_id].append(
            WorkflowStep(at=row.at, after=row.after, difference=row.difference)
        )
    return steps
