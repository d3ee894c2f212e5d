"""Invoices that nobody decided about yet need the rows of their months.

Approving an invoice checks it again, and no window before the cut is compared any more: what is
only received then could never be approved, nor paid.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from ledger.archive.months import month_bounds
from ops.commands.archive.output import first_of
from reconcile.invoices.register.states import InvoiceState
from storage.archive.archives import ArchiveRefused
from vocabulary.window import day_window

_DAY = timedelta(days=1)
# A month that has begun to leave was looked at then.
_OPEN = """
SELECT i.provider, i.number, i.first_day, i.last_day
  FROM invoices i
 CROSS JOIN LATERAL (SELECT s.action FROM invoice_steps s
                      WHERE s.invoice_id = i.invoice_id ORDER BY s.number DESC LIMIT 1) s
 WHERE s.action = :received AND i.first_day <= :last AND i.last_day >= :first
   AND NOT EXISTS (SELECT FROM archived_row_months WHERE month = :month)
 ORDER BY i.first_day, i.provider, i.number
"""


def require_invoices_decided(
    connection: Connection, month: date, zones: Mapping[str, str]
) -> None:
    """Check that no invoice with days of a month waits for its approval.

    Args:
        connection: of the books.
        month: its first day.
        zones: by provider; others are of UTC.

    Raises:
        ArchiveRefused: names the first that do; nothing left.
    """
    since, until = month_bounds(month)
    params = {
        "month": month,
        "received": InvoiceState.RECEIVED.value,
        "first": since.date() - _DAY,
        "last": until.date() + _DAY,
    }
    named = []
    for row in connection.execute(text(_OPEN), params).all():
        zone = ZoneInfo(zones.get(row.provider, "UTC"))
        first, last = (day_window(day, zone) for day in (row.first_day, row.last_day))
        if first.start < until and last.end > since:
            named.append(f"{row.number} of {row.provider}")
    if named:
        raise ArchiveRefused(
            f"{month:%Y-%m}: invoices are received and neither approved nor disputed:"
            f" {first_of(named)}. Their approval needs these rows: decide with `tieout"
            " invoice`, then let the rows go"
        )
