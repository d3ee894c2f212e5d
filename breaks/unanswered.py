"""Booked operations whose answer never went out, as long as nothing has settled them.

The database derives them (view ``unanswered_operations``): nobody marks one and nobody clears
one. A repeat, a rollback or the provider's history settles it; after its maturity a run either
finds it in the history or makes it a break.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text

_WAITING = """
SELECT u.provider, count(*) AS operations FROM unanswered_operations u
 WHERE NOT EXISTS (SELECT FROM feed_records f
                    WHERE f.provider = u.provider AND f.match_key = u.match_key)
   AND NOT EXISTS (SELECT FROM runs r
                    WHERE r.provider = u.provider
                      AND r.window_from <= u.received_at AND r.window_to > u.received_at
                      AND r.started_at >= u.received_at
                          + make_interval(secs => (r.manifest->>'maturity_s')::float8))
 GROUP BY u.provider ORDER BY u.provider
"""


def count_unanswered(connection: Connection) -> Mapping[str, int]:
    """The number of unanswered operations that wait to be settled, by provider."""
    rows = connection.execute(text(_WAITING))
    return {row.provider: row.operations for row in rows}
