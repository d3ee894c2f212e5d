"""Operations: results of proofs, sizes of tables by day, messages that try a rule."""

from alembic import op

revision = "0118"
down_revision = "0116"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE proof_runs (
    proof_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,
    scope       text NOT NULL,              -- what it covered; empty: all of the books
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    is_clean    boolean NOT NULL,
    detail      text NOT NULL,
    CONSTRAINT proof_runs_kind CHECK (kind IN ('verify', 'replay', 'recheck')),
    CONSTRAINT proof_runs_end_after_their_start CHECK (finished_at >= started_at)
)
""",
    "CREATE INDEX proof_runs_newest ON proof_runs (kind, finished_at DESC)",
    """
CREATE TRIGGER proof_runs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON proof_runs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TABLE table_sizes (
    day   date NOT NULL,
    name  text NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (day, name)
)
""",
    # Parked work is given back or given up by these functions only. They run with the rights of
    # the owner, so that whoever decides needs none to the batches and deliveries themselves. A
    # row that was parked again meanwhile stays: it is not the one that was decided about.
    """
CREATE FUNCTION parked_as_seen(ids bigint[], seen integer[]) RETURNS bigint[]
    LANGUAGE sql AS $$
    SELECT coalesce(array_agg(parked_id), ARRAY[]::bigint[])
      FROM (SELECT p.parked_id FROM parked p
              JOIN unnest(ids, seen) AS s (parked_id, times) USING (parked_id, times)
             ORDER BY p.parked_id FOR UPDATE OF p) locked
$$
""",
    """
CREATE FUNCTION requeue_parked(ids bigint[], seen integer[]) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    taken bigint[] := parked_as_seen(ids, seen);
BEGIN
    UPDATE batches SET parked_at = NULL
     WHERE posted_at IS NULL
       AND batch_id IN (SELECT substring(subject FROM '^batch ([0-9]+)$')::bigint FROM parked
                         WHERE parked_id = ANY(taken) AND job = 'post.v1');
    UPDATE deliveries SET parked_at = NULL
     WHERE delivery_id IN (SELECT substring(subject FROM '^delivery ([0-9]+)$')::bigint
                             FROM parked WHERE parked_id = ANY(taken) AND job = 'ingest.v1');
    UPDATE job_runs r SET done_at = NULL, attempts = 0, lease_until = clock_timestamp()
      FROM parked p
     WHERE p.parked_id = ANY(taken) AND p.subject = 'slot ' || r.slot AND p.job = r.job;
    DELETE FROM parked WHERE parked_id = ANY(taken);
    RETURN QUERY SELECT unnest(taken);
END $$
""",
    """
CREATE FUNCTION discard_parked(ids bigint[], seen integer[]) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    taken bigint[] := parked_as_seen(ids, seen);
BEGIN
    DELETE FROM parked WHERE parked_id = ANY(taken);
    RETURN QUERY SELECT unnest(taken);
END $$
""",
    # A message that a person asked for to try a rule; it delays no digest of the rule.
    "ALTER TABLE notifications ADD COLUMN requested_by text",
    """
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['parked_as_seen', 'requeue_parked', 'discard_parked'] LOOP
        EXECUTE format('ALTER FUNCTION %I(bigint[], integer[]) SET search_path = %I, pg_temp',
                       name, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %I(bigint[], integer[]) FROM PUBLIC', name);
    END LOOP;
END $$
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
