"""Books whose old rows left for an archive, as a release leaves them."""

import psycopg

#: What leaves of June 2020: rounds that ended before July with their operations, and operations
#: without a round; our own stay. Not a round that goes on in July, nor one with an open break.
_LEAVING = """
CREATE TEMP TABLE leaving AS
SELECT o.wallet_id, o.wallet_seq, o.batch_id, o.provider, o.op_key, o.round_id, o.match_key
  FROM operations o JOIN batches b USING (batch_id)
 WHERE b.committed_at < '2020-07-01' AND o.provider <> 'tieout' AND o.kind <> 'adjustment'
   AND NOT EXISTS (SELECT FROM rounds r
                    WHERE r.match_key = o.match_key AND r.last_at >= '2020-07-01')
   AND NOT EXISTS (SELECT FROM breaks k JOIN break_workflows w USING (break_id)
                    WHERE k.match_key = o.match_key AND k.cleared_at IS NULL
                      AND w.state NOT IN ('explained', 'written_off', 'closed'))
"""
_DAY = "(DATE '2020-06-04' - DATE '1970-01-01')::smallint"
_STATEMENTS = (
    _LEAVING,
    "INSERT INTO archived_row_months (month, at) VALUES ('2020-06-01', '2020-07-01 00:00+00')",
    f"""
INSERT INTO archived_keys (first_hash, hashes, days)
SELECT min(hash), array_agg(hash ORDER BY hash), array_agg({_DAY} ORDER BY hash)
  FROM (SELECT operation_hash(provider, op_key) AS hash FROM leaving
        UNION
        SELECT match_key FROM leaving WHERE round_id <> '') h
""",
    "DELETE FROM rounds r USING leaving l WHERE r.match_key = l.match_key",
    """
DELETE FROM operations o USING leaving l
 WHERE o.wallet_id = l.wallet_id AND o.wallet_seq = l.wallet_seq
""",
)


def let_rows_go(database: str) -> None:
    """Let the rows of June 2020 leave; the archive of the month was released before."""
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in _STATEMENTS:
            assert connection.execute(statement.encode()).rowcount > 0, statement
