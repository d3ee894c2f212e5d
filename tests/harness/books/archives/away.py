"""Rows that left for an archive, and rows that come back, without an archive."""

from collections.abc import Sequence
from typing import Any

import psycopg

from tests.harness.tampering.replay import tamper

#: Columns of ``rounds`` that are not generated.
_ROUND = (
    "first_at, provider, match_key, wallet_id, stake, payout, swept, last_at, bets, wins,"
    " rollbacks, ended, currency, round_id, declared_stake, declared_payout"
)
_LEFT = """
CREATE TABLE IF NOT EXISTS left_operations AS TABLE operations WITH NO DATA;
CREATE TABLE IF NOT EXISTS left_rounds AS TABLE rounds WITH NO DATA;
"""
_OPERATIONS_LEAVE = """
WITH gone AS (DELETE FROM operations
               WHERE provider <> 'tieout' AND op_key <> ALL (%s) RETURNING *)
INSERT INTO left_operations SELECT * FROM gone
"""
_ROUNDS_LEAVE = """
WITH gone AS (DELETE FROM rounds RETURNING *) INSERT INTO left_rounds SELECT * FROM gone
"""
_KEYS = """
WITH hashes AS (
    SELECT operation_hash(provider, op_key) AS hash FROM left_operations
     UNION SELECT match_key FROM left_rounds
)
INSERT INTO archived_keys (first_hash, hashes, days)
SELECT min(hash), array_agg(hash ORDER BY hash), array_agg(1::smallint) FROM hashes
"""
_TOTALS = """
UPDATE packed_hash_totals t SET hashes = k.hashes, digest = k.digest
  FROM (SELECT count(u.hash) AS hashes, bit_xor(packed_digest(u.hash, 0, u.day)) AS digest
          FROM archived_keys k, unnest(k.hashes, k.days) AS u (hash, day)) k
 WHERE t.packed = 'archived_keys'
"""
_WANTED = """
SELECT recall_id, kind, provider, name FROM recalls WHERE came_at IS NULL ORDER BY recall_id
"""
_ROUND_OF = """
SELECT DISTINCT provider, round_id
  FROM (TABLE left_operations UNION ALL TABLE operations) AS o
 WHERE provider = %(provider)s
   AND CASE %(kind)s WHEN 'operation' THEN op_key ELSE round_id END = %(name)s
"""
_COME_BACK = f"""
WITH back AS (DELETE FROM left_operations
               WHERE (provider, round_id) = (%(provider)s, %(round_id)s) RETURNING *),
     summed_back AS (DELETE FROM left_rounds
                      WHERE (provider, round_id) = (%(provider)s, %(round_id)s)
                  RETURNING {_ROUND}),
     booked AS (INSERT INTO operations SELECT * FROM back)
INSERT INTO rounds ({_ROUND}) SELECT * FROM summed_back
"""
_COUNT = """
SELECT count(*) FROM operations WHERE (provider, round_id) = (%(provider)s, %(round_id)s)
"""
_CAME = """
UPDATE recalls SET came_at = clock_timestamp(), operations = %(count)s WHERE recall_id = %(id)s
"""


def let_everything_go(database: str, *, but: Sequence[str] = ()) -> None:
    """Let operations of providers, but those with these keys, and rounds leave."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_LEFT)
        connection.execute(_OPERATIONS_LEAVE, [list(but)])
        connection.execute(_ROUNDS_LEAVE)
    tamper(database, _KEYS)
    tamper(database, _TOTALS)


def wanted(database: str) -> list[tuple[str, str]]:
    """Kind and name of what is asked for and did not come yet."""
    with psycopg.connect(database) as connection:
        return [(row[1], row[3]) for row in connection.execute(_WANTED)]


def bring_back_what_is_wanted(database: str) -> list[int]:
    """Put the rows of every demand back, whole rounds each; returns how many each has."""
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        demands = connection.execute(_WANTED).fetchall()
        return [_come_back(connection, *demand) for demand in demands]


def _come_back(
    connection: "psycopg.Connection[tuple[Any, ...]]",
    recall: int,
    kind: str,
    provider: str,
    name: str,
) -> int:
    names = {"provider": provider, "kind": kind, "name": name}
    count = 0
    for slug, round_id in connection.execute(_ROUND_OF, names).fetchall():
        round_ = {"provider": slug, "round_id": round_id}
        connection.execute(_COME_BACK.encode(), round_)
        row = connection.execute(_COUNT, round_).fetchone()
        count += 0 if row is None else row[0]
    connection.execute(_CAME, {"id": recall, "count": count})
    return count
