"""The provider's history of a month: pushed records, every tenth of them twice."""

from datetime import date

from sqlalchemy import Engine, text

from benchmarks.archive.dating import PROVIDER
from ledger.archive.months import month_bounds

# Each round as we have it, in one record with a line of some 380 bytes, pushed by a callback.
_ROUNDS = """
SELECT r.*, w.player, 'x' || md5(r.round_id) AS name,
       convert_to(repeat(md5(r.round_id), 12), 'UTF8') AS line
  FROM rounds r JOIN wallets w USING (wallet_id)
 WHERE r.provider = :provider AND r.first_at >= :since AND r.first_at < :until
"""
_STATEMENTS = (
    f"""
INSERT INTO feed_records (provider, record_id, round_id, match_key, handle, currency, stake,
                          payout, rolled_back, declared_net, created_at, updated_at,
                          received_at, source)
SELECT r.provider, r.round_id, r.round_id, r.match_key, r.player, r.currency, r.stake, r.payout,
       r.status = 'rolled_back', r.payout - r.stake, r.first_at, r.last_at, r.last_at, 'push'
  FROM ({_ROUNDS}) r
""",
    f"""
INSERT INTO feed_versions (provider, record_id, updated_at, content, raw, source, received_at)
SELECT r.provider, r.round_id, r.last_at, substring(sha256(r.line) FOR 16), r.line, 'push',
       r.last_at
  FROM ({_ROUNDS}) r
 UNION ALL
SELECT r.provider, r.round_id, r.last_at, substring(sha256(r.line || '2') FOR 16), r.line,
       'push', r.last_at
  FROM ({_ROUNDS}) r WHERE r.match_key % 10 = 0
""",
    """
UPDATE feed_records SET stored_no = nextval('feed_order')
 WHERE provider = :provider AND created_at >= :since AND created_at < :until
   AND match_key % 10 = 0
""",
    f"""
INSERT INTO deliveries (batch_id, provider, route, verdict, headers, body, reply_status, reply,
                        received_at, ingested_at)
SELECT (SELECT max(batch_id) FROM batches
         WHERE committed_at >= :since AND committed_at < :until),
       r.provider, '/history', 'recorded', repeat('h', 100), r.line, 200, '{{}}'::bytea,
       r.last_at, r.last_at
  FROM ({_ROUNDS}) r
""",
)


def report_month(engine: Engine, month: date) -> int:
    """Store the provider's history of a month; returns how many records it has."""
    since, until = month_bounds(month)
    params = {"provider": PROVIDER, "since": since, "until": until}
    records = 0
    with engine.begin() as connection:
        for statement in _STATEMENTS:
            count = connection.execute(text(statement), params).rowcount
            records = records or count
    return records
