"""SQL for breaks that are past a due date, over rows ``b`` of ``listed_breaks``. Pure."""

from collections.abc import Sequence

from breaks.policy import OverdueLimit
from breaks.states import settled_states


def overdue_sql(limits: Sequence[OverdueLimit]) -> str:
    """Whether a row ``b`` of ``listed_breaks`` is not settled and past one of the limits."""
    # Only what is older than the shortest time of any rule is compared with the rules.
    return (
        "b.state <> ALL(:settled) AND b.opened_at < :overdue_shortest"
        f" AND ({' OR '.join(map(_limit_sql, range(len(limits)), limits)) or 'false'})"
    )


def overdue_parameters(limits: Sequence[OverdueLimit]) -> dict[str, object]:
    """The parameters of ``overdue_sql``."""
    numbered = {
        f"{name}{number}": value
        for number, limit in enumerate(limits)
        for name, value in (
            ("overdue_impact", str(limit.impact)),
            ("overdue_before", limit.opened_before),
            ("overdue_currency", limit.currency),
            ("overdue_least", limit.least),
        )
    }
    shortest = max((limit.opened_before for limit in limits), default=None)
    settled = settled_states()
    return {"settled": settled, "overdue_shortest": shortest, **numbered}


def _limit_sql(number: int, limit: OverdueLimit) -> str:
    conditions = [
        f"b.impact = :overdue_impact{number}",
        f"b.opened_at < :overdue_before{number}",
    ]
    if limit.currency is not None:
        conditions.append(f"b.currency = :overdue_currency{number}")
        conditions.append(f"abs(b.difference) >= :overdue_least{number}")
    return f"({' AND '.join(conditions)})"
