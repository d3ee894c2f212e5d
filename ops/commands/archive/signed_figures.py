"""What people signed of a month has to be what its rows say, before the rows leave.

Afterwards the signed figures are all that is known of these days. What changed
since would be lost, so it is signed again first.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from sqlalchemy import Connection, text

from ledger.archive.months import month_bounds
from ops.commands.archive.output import first_of
from reconcile.days.figures import stored_figures
from reconcile.days.sums import read_sides, sides_since
from storage.archive.archives import ArchiveRefused
from storage.archive.row_cut import rows_begin_at
from vocabulary.window import Window

# Also of days whose rows left before: some may have come back, and something for them since. A
# month that has begun to leave was looked at then.
_DAYS = """
SELECT c.provider, c.business_day, c.starts_at, c.ends_at, s.figures, s.at
  FROM day_closes c
 CROSS JOIN LATERAL (SELECT s.figures, s.at FROM day_steps s
                      WHERE s.provider = c.provider AND s.business_day = c.business_day
                      ORDER BY s.number DESC LIMIT 1) s
 WHERE c.starts_at < :until
   AND NOT EXISTS (SELECT FROM archived_row_months WHERE month = :month)
 ORDER BY c.business_day, c.provider
"""


def require_figures_as_signed(
    connection: Connection, month: date, exponents: Mapping[str, Mapping[str, int]]
) -> None:
    """Check that both sides of every day of a month are what was signed last.

    Args:
        connection: of the books.
        month: its first day.
        exponents: by provider, its overrides of digits after the decimal point.

    Raises:
        ArchiveRefused: names the first days that changed; nothing left.
    """
    changed = list(_changed_days(connection, month, exponents))
    if changed:
        raise ArchiveRefused(
            f"{month:%Y-%m}: rounds and records are not what was signed of"
            f" {first_of(changed)}. Reopen these days and sign them again with `tieout"
            " day`, then let the rows go"
        )


def _changed_days(
    connection: Connection, month: date, exponents: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    cut = rows_begin_at(connection)
    params = {"month": month, "until": month_bounds(month)[1]}
    for row in connection.execute(text(_DAYS), params).all():
        window = Window(start=row.starts_at, end=row.ends_at)
        signed = stored_figures(row.figures, exponents.get(row.provider, {}))
        if cut is not None and window.start < cut:
            both = sides_since(connection, row.provider, window, signed, row.at)
        else:
            both = read_sides(connection, row.provider, window)
        if (both.ours, both.theirs) != (signed.ours, signed.theirs):
            yield f"{row.provider} {row.business_day}"
