"""What cross-checks of a window read that came after its run: reasons for other findings.

The rows of both sides may be the same and a cross-check find something else: a wallet is no
longer below zero, a late original came, a finding of a feed is resolved, or the balances of
the days before are known.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from vocabulary.window import Window

# Only then is the chain of balances checked, which looks back beyond the window.
_REPORTS_BALANCES = """EXISTS (
       SELECT FROM feed_records x
        WHERE x.provider = :provider AND x.created_at >= :start AND x.created_at < :end
          AND x.balance_before IS NOT NULL)"""
# Instants are those of receivers, feeds and people: what came between the start of the run and
# its snapshot is named too.
_SINCE = f"""
SELECT name, round_id, at, count(*) OVER () AS total FROM (
    -- conflicting repeats of the window
    SELECT d.op_key AS name, NULL AS round_id, d.received_at AS at, 1 AS kind,
           d.delivery_id AS no
      FROM deliveries d
     WHERE d.provider = :provider AND d.verdict = 'conflict' AND d.op_key IS NOT NULL
       AND d.received_at >= :start AND d.received_at < :end AND d.received_at > :since
    UNION ALL
    -- originals that came after their rollbacks
    SELECT d.op_key, s.round_id, d.received_at, 2, d.delivery_id
      FROM operations s JOIN deliveries d ON d.provider = s.provider AND d.op_key = s.op_key
     WHERE s.provider = :provider AND s.kind = 'tombstone'
       AND s.received_at >= :start AND s.received_at < :end
       AND d.verdict = 'rolled_back' AND d.received_at > :since
    UNION ALL
    -- the first movement of each wallet that was below zero
    SELECT l.op_key, l.round_id, l.received_at, 3, l.batch_id
      FROM operations o
     CROSS JOIN LATERAL (
           SELECT x.op_key, x.round_id, x.received_at, x.batch_id FROM operations x
            WHERE x.wallet_id = o.wallet_id AND x.wallet_seq > o.wallet_seq
              AND x.batch_id > :watermark AND x.decision = 'accepted' AND x.amount <> 0
            ORDER BY x.wallet_seq LIMIT 1) l
     WHERE o.provider = :provider AND o.balance_after < 0 AND o.balance_after - o.amount >= 0
       AND o.received_at >= :start AND o.received_at < :end
    UNION ALL
    -- findings of feeds about the window, new, made again or resolved
    SELECT f.finding_id, f.round_id, coalesce(f.resolved_at, f.last_seen), 4, 0
      FROM feed_findings f
     WHERE f.provider = :provider
       AND (f.covers_from IS NULL OR f.covers_from < :end)
       AND (f.covers_to IS NULL OR f.covers_to > :start)
       AND (f.last_seen > :since OR f.resolved_at > :since)
    UNION ALL
    -- corrections of rounds, which settle and explain
    SELECT a.id, a.round_id, a.decided_at, 5, 0 FROM adjustments a
     WHERE a.provider = :provider AND a.state IN ('approved', 'posted')
       AND a.decided_at > :since
    UNION ALL
    -- callbacks of the window in the provider's log
    SELECT p.delivery_id, NULL, p.pulled_at, 6, 0 FROM provider_deliveries p
     WHERE p.provider = :provider AND p.attempted_at >= :start AND p.attempted_at < :end
       AND p.pulled_at > :since
    UNION ALL
    -- rounds of earlier windows that the ledger misses, found or gone
    SELECT b.break_id, b.round_id, coalesce(b.cleared_at, w.opened_at), 7, 0
      FROM breaks b JOIN break_workflows w USING (break_id)
     WHERE b.provider = :provider AND b.kind = 'missing_in_ledger' AND b.began_at < :start
       AND (b.cleared_at > :since OR w.opened_at > :since) AND {_REPORTS_BALANCES}
    UNION ALL
    -- records of earlier windows with balances
    SELECT v.record_id, f.round_id, v.received_at, 8, v.version_id
      FROM feed_versions v
      JOIN feed_records f ON f.provider = v.provider AND f.record_id = v.record_id
     WHERE v.provider = :provider AND v.version_id > :versions AND f.created_at < :start
       AND f.balance_before IS NOT NULL AND f.occurrence = 1 AND {_REPORTS_BALANCES}) AS since
 ORDER BY kind, no, at, name LIMIT :most
"""  # noqa: S608 - the constant above


def checked_since(
    connection: Connection,
    provider: str,
    window: Window,
    *,
    since: datetime,
    watermark: int,
    versions: int,
    most: int,
) -> list[Mapping[Any, Any]]:
    """Return what came since a run that its cross-checks read: name, round, instant, total.

    Args:
        connection: of the books.
        provider: of the run.
        window: of the run.
        since: when the run began.
        watermark: the newest batch that the run could read.
        versions: the newest version of a record that the run could read.
        most: how many are returned; ``total`` counts all.
    """
    params = {
        "provider": provider,
        "start": window.start,
        "end": window.end,
        "since": since,
        "watermark": watermark,
        "versions": versions,
        "most": most,
    }
    return list(connection.execute(text(_SINCE), params).mappings())
