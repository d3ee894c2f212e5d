"""Guard what is evidence in every table, and let the application work without owning any."""

from alembic import op

revision = "0123"
down_revision = "0122"
branch_labels = None
depends_on = None

#: Rows that never change and are never removed.
_APPEND_ONLY = ("feed_pulls", "handles", "players")
#: Rows that are never removed, with the columns that never change. A trigger for columns costs
#: nothing where other columns are written.
_KEPT = {
    "batches": ("batch_id", "committed_at", "operations", "session_id", "answered_through"),
    "breaks": ("break_id", "provider", "first_seen"),
    "day_closes": ("provider", "business_day"),
    "deliveries": (
        *("delivery_id", "batch_id", "provider", "route", "op_key", "verdict", "headers"),
        *("body", "reply_status", "reply", "received_at"),
    ),
    "feed_files": (*("file_id", "provider", "feed", "name", "digest", "size", "received_at"),),
    "feed_findings": ("finding_id", "provider", "feed", "scope", "first_seen"),
    "provider_deliveries": ("provider", "webhook_id", "delivery_id"),
    "receiver_sessions": ("session_id", "opened_at"),
    "runs": ("run_id", "provider", "window_from", "window_to", "started_at", "conserved"),
    "wallets": ("wallet_id", "player", "currency"),
}

_STATEMENTS = (
    *(
        f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
        for table in _APPEND_ONLY
    ),
    *(
        f"""
CREATE TRIGGER {table}_keep_evidence
    BEFORE UPDATE OF {", ".join(columns)} OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""
        for table, columns in _KEPT.items()
    ),
    # Records leave it one by one, each with its row in feed_withdrawals.
    """
CREATE TRIGGER feed_records_never_emptied BEFORE TRUNCATE ON feed_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    # ANALYZE needs the rights of the owner.
    """
CREATE FUNCTION refresh_feed_statistics() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    ANALYZE feed_records;
    ANALYZE feed_versions;
END $$
""",
    """
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION refresh_feed_statistics() SET search_path = %I, pg_temp',
                   current_schema());
    REVOKE ALL ON FUNCTION refresh_feed_statistics() FROM PUBLIC;
END $$
""",
    # Opening balances from before imports left a row of the audit trail: what is there now is
    # what is kept, so that `ledger verify` finds every further one.
    """
INSERT INTO audit (actor, action, subject, detail)
SELECT 'tieout', 'players.imported', 'batch ' || batch_id,
       jsonb_build_object('batch_id', batch_id, 'found_by', 'migration 0123',
           'imported', jsonb_object_agg(currency,
               jsonb_build_object('openings', openings, 'amount', amount)))
  FROM (SELECT batch_id, currency, count(*) AS openings, sum(amount)::text AS amount
          FROM operations
         WHERE provider = 'tieout' AND starts_with(op_key, 'opening:')
         GROUP BY batch_id, currency) o
 GROUP BY batch_id ORDER BY batch_id
""",
    # The same for orders from before each left a row, or a request of its own.
    """
INSERT INTO audit (actor, action, subject, detail)
SELECT 'tieout', 'order.found', w.player,
       jsonb_build_object('operation', o.op_key, 'found_by', 'migration 0123',
                          'kind', o.kind, 'amount', o.amount::text,
                          'currency', o.currency)
  FROM operations o JOIN wallets w USING (wallet_id)
 WHERE o.provider = 'tieout' AND NOT starts_with(o.op_key, 'opening:')
   AND o.kind <> 'adjustment' AND o.decision = 'accepted'
   AND NOT EXISTS (SELECT FROM audit a
                    WHERE a.subject = w.player AND a.detail ->> 'operation' = o.op_key)
   AND NOT EXISTS (SELECT FROM fund_requests f WHERE f.operation_key = o.op_key)
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
