"""Book a write-off from GGR to the account ``difference``, and take it back.

A write-off is booked as a residual that people accepted instead of a run: with the same two
legs, in a chain of its own within the round, and sealed with the day. Tables touched:
``residuals`` and ``residual_entries``; ``write_offs`` is read.
"""

from sqlalchemy import Connection, text

# Header and legs in one statement: the database takes neither without the other.
_BOOK = """
WITH last AS (
  SELECT residual_id, sequence, after FROM residuals WHERE write_off_id = :id
   ORDER BY sequence DESC LIMIT 1
), booked AS (
  INSERT INTO residuals (write_off_id, provider, round_id, match_key, currency, sequence,
                         before, after, corrects)
  SELECT w.write_off_id, w.provider, w.round_id, w.match_key, w.currency,
         coalesce(l.sequence, 0) + 1, coalesce(l.after, 0),
         CASE WHEN :stands THEN w.amount ELSE 0 END, l.residual_id
    FROM write_offs w LEFT JOIN last l ON true WHERE w.write_off_id = :id
  RETURNING *
)
INSERT INTO residual_entries (residual_id, leg, account, provider, match_key, currency, amount)
SELECT b.residual_id, l.leg, l.account::account_kind, b.provider, b.match_key, b.currency,
       l.amount
  FROM booked b
 CROSS JOIN LATERAL (VALUES (1, 'ggr', b.before - b.after),
                            (2, 'difference', b.after - b.before)) AS l (leg, account, amount)
"""


def book_write_off(connection: Connection, write_off_id: str) -> None:
    """Book an approved write-off."""
    connection.execute(text(_BOOK), {"id": write_off_id, "stands": True})


def reverse_booking(connection: Connection, write_off_id: str) -> None:
    """Take a booked write-off back by a transaction that corrects the first."""
    connection.execute(text(_BOOK), {"id": write_off_id, "stands": False})
