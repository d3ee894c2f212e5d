"""The values of all placeholders that the queries of a snapshot share."""

from datetime import datetime

from psycopg import sql

from reconcile.snapshot.full_rows import maturity_fragments
from reconcile.snapshot.rules import MatchContext
from reconcile.snapshot.values import Value
from vocabulary.window import Window

# Flags a round as odd if it is overdue, whatever its packed row says.
_OVERDUE = """
CASE WHEN r.status = 'open' AND r.first_at < {overdue}
     THEN set_byte(r.key_row, 40, 1) ELSE r.key_row END
"""


def shared_parameters(
    provider: str, window: Window, context: MatchContext
) -> dict[str, sql.Composable]:
    """Return the placeholders of provider, window and rules, with their values."""
    overdue, by_attributes = context.overdue_before, context.rules.attributes
    return {
        "provider": Value(provider),
        "start": Value(window.start),
        "end": Value(window.end),
        "overdue": sql.SQL("'-infinity'::timestamptz") if overdue is None else Value(overdue),
        "our_key_row": _our_key_row(overdue),
        **maturity_fragments(context.immature_since, by_name=not by_attributes),
    }


def _our_key_row(overdue_before: datetime | None) -> sql.Composable:
    """Return the expression for one of our key rows; overdue rounds are flagged as odd."""
    if overdue_before is None:
        return sql.SQL("r.key_row")
    return sql.SQL(_OVERDUE).format(overdue=Value(overdue_before))
