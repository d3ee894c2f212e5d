"""What a business day moved on each account of the ledger, by the nature of the booking.

A round counts on the day it began, whole, as in the figures that people sign: so an entry
belongs to the day of its round. A write-off belongs to the day of its break. Every entry of a
provider belongs to exactly one day.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, text

from ledger.enums import OWN_SLUG, Account
from ledger.posting.rules import SWEEP_CLEARING_LEG, SWEEP_GGR_LEG
from storage.archive.row_cut import require_rows_since
from vocabulary.window import Window

# As booked_entries, but where entries are there it looks up no operation for archived ones.
_ENTRIES_OF = """CROSS JOIN LATERAL (
         SELECT e.leg, e.account, e.currency, e.amount, e.posted_at FROM entries e
          WHERE e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq
          UNION ALL
         SELECT e.leg, e.account, e.currency, e.amount, e.posted_at FROM archived_entries e
          WHERE e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq
            AND (SELECT b.entries_at FROM batches b WHERE b.batch_id = o.batch_id)
                IS NOT NULL) e"""
# A residual counts with its share of the round. The day of one whose round left for an archive
# is before the cut.
_OF_PROVIDER = f"""
WITH began AS (
  SELECT match_key, round_id, wallet_id, (first_at AT TIME ZONE :zone)::date AS day FROM rounds
   WHERE provider = :provider AND first_at >= :start AND first_at < :end
), of_residuals AS (
  SELECT r.residual_id, r.write_off_id IS NOT NULL AS written_off,
         coalesce(b.began_at, b.first_seen,
                  (SELECT min(o.first_at) FROM rounds o JOIN wallets v USING (wallet_id)
                    WHERE o.match_key = r.match_key AND o.provider = r.provider
                      AND o.round_id = r.round_id AND o.currency = r.currency
                      AND r.player IN ('', v.player)),
                  (SELECT min(o.first_at) FROM rounds o
                    WHERE o.match_key = r.match_key AND o.provider = r.provider
                      AND o.round_id = r.round_id),
                  CASE WHEN NOT is_round_away(r.provider, r.round_id, r.match_key)
                       THEN r.booked_at END) AS day_at
    FROM residuals r
    LEFT JOIN write_offs w USING (write_off_id)
    LEFT JOIN breaks b USING (break_id)
   WHERE r.provider = :provider
     AND (CAST(:since AS timestamptz) IS NULL OR r.booked_at > :since)
), moved AS (
  SELECT CASE WHEN o.kind = 'adjustment'
                   AND e.leg NOT IN ({SWEEP_CLEARING_LEG}, {SWEEP_GGR_LEG})
              THEN 'correction' ELSE 'play' END AS nature,
         r.day, e.account, e.currency, e.amount
    FROM began r
    JOIN operations o ON o.wallet_id = r.wallet_id AND o.match_key = r.match_key
                     AND o.round_id = r.round_id AND o.provider = :provider
    {_ENTRIES_OF}
   WHERE CAST(:since AS timestamptz) IS NULL OR e.posted_at > :since
  UNION ALL
  SELECT CASE WHEN r.written_off THEN 'write_off' ELSE 'tolerance' END,
         (r.day_at AT TIME ZONE :zone)::date, e.account, e.currency, e.amount
    FROM of_residuals r JOIN residual_entries e USING (residual_id)
   WHERE r.day_at >= :start AND r.day_at < :end
)
SELECT day, nature, account::text AS account, currency, sum(amount) AS minor
  FROM moved GROUP BY day, nature, account, currency HAVING sum(amount) <> 0
"""  # noqa: S608 - constants of the posting rules
_OF_OUR_OWN = f"""
SELECT (o.received_at AT TIME ZONE :zone)::date AS day,
       CASE WHEN o.kind = 'adjustment' THEN 'correction' ELSE 'funding' END AS nature,
       e.account::text AS account, e.currency, sum(e.amount) AS minor
  FROM operations o {_ENTRIES_OF}
 WHERE o.provider = :provider AND o.received_at >= :start AND o.received_at < :end
 GROUP BY 1, 2, e.account, e.currency HAVING sum(e.amount) <> 0
"""  # noqa: S608 - the constant above
# Days that were closed stay when rows leave for archives.
_STARTED = """
SELECT EXISTS (SELECT FROM rounds WHERE provider = :provider AND first_at < :end)
    OR EXISTS (SELECT FROM feed_records WHERE provider = :provider AND created_at < :end)
    OR EXISTS (SELECT FROM archived_row_months)
       AND EXISTS (SELECT FROM day_closes WHERE provider = :provider AND starts_at < :end)
"""


class BookingNature(StrEnum):
    """Why money moved; a closed set."""

    PLAY = "play"
    CORRECTION = "correction"  # by hand, under four eyes
    TOLERANCE = "tolerance"  # a residual that a run let pass
    WRITE_OFF = "write_off"
    FUNDING = "funding"  # deposits, withdrawals, grants


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMovement:
    """The sum of the entries of one nature, account and currency.

    Attributes:
        minor: minor units; positive is into the account, which is a credit.
    """

    nature: BookingNature
    account: Account
    currency: str
    minor: int


def account_movements(
    connection: Connection,
    provider: str,
    window: Window,
    zone: str,
    *,
    since: datetime | None = None,
) -> dict[date, list[AccountMovement]]:
    """What the rounds that began in a window moved, up to now, by the day they began.

    For our own slug: what our own operations moved that were received in the window.

    Args:
        connection: reads all days at one instant.
        provider: the slug.
        window: whole days of the zone.
        zone: of the days.
        since: only what was posted later, which is there also of a window before the cut; None:
            everything.

    Raises:
        RowsAreAway: rows of the window left for archives.
    """
    if provider != OWN_SLUG and since is None:  # our own operations stay
        require_rows_since(connection, window.start, f"the movements of {provider}")
    sql = _OF_OUR_OWN if provider == OWN_SLUG else _OF_PROVIDER
    params = {
        "provider": provider,
        "start": window.start,
        "end": window.end,
        "zone": zone,
        "since": since,
    }
    movements: dict[date, list[AccountMovement]] = defaultdict(list)
    for row in connection.execute(text(sql), params).mappings():
        movement = AccountMovement(
            nature=BookingNature(row["nature"]),
            account=Account(row["account"]),
            currency=row["currency"],
            minor=int(row["minor"]),
        )
        movements[row["day"]].append(movement)
    return dict(movements)


def has_started(connection: Connection, provider: str, end: datetime) -> bool:
    """Whether a provider has, or had, any round or record from before an instant."""
    params = {"provider": provider, "end": end}
    return bool(connection.execute(text(_STARTED), params).scalar_one())
