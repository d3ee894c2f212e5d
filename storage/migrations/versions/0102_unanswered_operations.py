"""Which batches of a receiver were answered, and the break of an operation that was not.

A receiver's batches carry the session of its connection and the last batch that it had answered
when it sent them, so that a booking whose answer never went out is found later, whatever became
of the receiver.
"""

from alembic import op

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None

_KINDS = (
    "missing_in_ledger",
    "missing_at_provider",
    "unanswered_operation",
    "currency_mismatch",
    "ambiguous_match",
    "status_mismatch",
    "stake_mismatch",
    "payout_mismatch",
    "duplicate_at_provider",
    "duplicate_in_ledger",
    "player_mismatch",
    "arithmetic_error",
    "round_total_mismatch",
    "late_original",
    "orphan_rollback",
    "idempotency_conflict",
    "delivery_missing",
    "delivery_disputed",
    "open_round_overdue",
    "balance_chain_gap",
    "negative_balance",
    "unparsable_record",
    "restated_after_close",
)

_STATEMENTS = (
    # One row for each connection over which a receiver commits. All its batches up to
    # answered_through were answered. ended_at: the receiver, alive, gave the connection up.
    """
CREATE TABLE receiver_sessions (
    session_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    opened_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    answered_through  bigint NOT NULL DEFAULT 0,
    ended_at          timestamptz
) WITH (fillfactor = 50)
""",
    # Both null: our own operations, which have no answer to send.
    "ALTER TABLE batches ADD COLUMN session_id bigint, ADD COLUMN answered_through bigint",
    """
CREATE INDEX batches_by_session ON batches (session_id, batch_id)
 WHERE session_id IS NOT NULL
""",
    # The connection was closed before its answer could be written; lost_at is our clock.
    """
CREATE TABLE lost_answers (
    provider  text NOT NULL,
    op_key    text NOT NULL,
    lost_at   timestamptz NOT NULL,
    CONSTRAINT lost_answers_pkey PRIMARY KEY (provider, op_key, lost_at)
)
""",
    """
CREATE TRIGGER lost_answers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lost_answers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    # A living receiver confirms its answers within seconds, so a batch that is not confirmed
    # after a minute was not answered, or nobody knows. A function, as the planner of a view
    # takes a third of all batches for unanswered and reads every operation; here it is told how
    # few there are, and to read the end of each session from the index.
    """
CREATE FUNCTION find_unanswered_batches()
    RETURNS TABLE (batch_id bigint, committed_at timestamptz, cause text)
    LANGUAGE plpgsql STABLE ROWS 10 SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    ended record;
BEGIN
    FOR ended IN
        SELECT s.session_id, greatest(s.answered_through, last.answered_through) AS through,
               CASE WHEN s.ended_at IS NULL THEN 'receiver_stopped'
                    ELSE 'commit_unknown' END AS cause
          FROM receiver_sessions s
         CROSS JOIN LATERAL (
               SELECT n.batch_id, n.answered_through FROM batches n
                WHERE n.session_id = s.session_id ORDER BY n.batch_id DESC LIMIT 1) last
         WHERE last.batch_id > greatest(s.answered_through, last.answered_through)
    LOOP
        RETURN QUERY
        SELECT b.batch_id, b.committed_at, ended.cause FROM batches b
         WHERE b.session_id = ended.session_id AND b.batch_id > ended.through
           AND b.committed_at < now() - interval '1 minute';
    END LOOP;
END $$
""",
    "CREATE VIEW unanswered_batches AS SELECT * FROM find_unanswered_batches()",
    # Booked movements whose answer was not sent, and that no answered repeat and no rollback
    # has settled since.
    """
CREATE VIEW unanswered_operations AS
SELECT o.provider, o.op_key, o.kind, o.wallet_id, o.wallet_seq, o.currency, o.stake, o.payout,
       o.round_id, o.match_key, o.received_at, u.cause
  FROM (
    SELECT o.wallet_id, o.wallet_seq, b.cause, o.batch_id AS after_batch,
           NULL::timestamptz AS after_instant
      FROM unanswered_batches b JOIN operations o USING (batch_id)
    UNION ALL
    SELECT o.wallet_id, o.wallet_seq, 'connection_closed', o.batch_id, l.lost_at
      FROM (SELECT provider, op_key, max(lost_at) AS lost_at
              FROM lost_answers GROUP BY provider, op_key) l
      JOIN operations o USING (provider, op_key)
  ) u JOIN operations o USING (wallet_id, wallet_seq)
 WHERE o.decision = 'accepted' AND (o.stake <> 0 OR o.payout <> 0)
   AND NOT EXISTS (
       SELECT FROM deliveries d
        WHERE d.provider = o.provider AND d.op_key = o.op_key AND d.verdict = 'repeated'
          AND d.batch_id > u.after_batch
          AND (u.after_instant IS NULL OR d.received_at > u.after_instant)
          AND NOT EXISTS (SELECT FROM unanswered_batches n WHERE n.batch_id = d.batch_id))
   AND NOT EXISTS (
       SELECT FROM operations r
        WHERE r.provider = o.provider AND r.reverses = o.op_key)
""",
    "ALTER TABLE breaks DROP CONSTRAINT breaks_kind_known",
    f"""
ALTER TABLE breaks ADD CONSTRAINT breaks_kind_known
    CHECK (kind IN ({", ".join(f"'{kind}'" for kind in _KINDS)}))
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
