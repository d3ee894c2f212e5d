"""Restores of the database: the epoch of transaction ids, and the hold during a restore."""

from alembic import op

revision = "0124"
down_revision = "0123"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # The epoch is the Unix time of the beginning: a second restore, to before the first one,
    # has no row of the first and still gives no id twice. Ids of batches after after_batch
    # carry it. Only the newest row counts: a restore that is begun again needs no end.
    """
CREATE TABLE restores (
    epoch        bigint PRIMARY KEY,
    after_batch  bigint NOT NULL,            -- the last batch that was restored
    begun_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    begun_by     text NOT NULL,
    reason       text NOT NULL,
    verified_at  timestamptz,
    is_clean     boolean,                    -- what the last verification found
    proofs       jsonb,                      -- its figures
    finished_at  timestamptz,                -- until then nothing is booked
    finished_by  text,
    takes_two    boolean NOT NULL,           -- whoever began may not finish
    begun_eyes   text[] NOT NULL,            -- eyes_of() each, at that moment
    finished_eyes text[],
    CONSTRAINT restores_epoch_positive CHECK (epoch > 0),
    CONSTRAINT restores_reason_not_empty CHECK (reason <> '' AND begun_by <> ''),
    CONSTRAINT restores_verified_whole
        CHECK ((verified_at IS NULL) = (is_clean IS NULL)
               AND (verified_at IS NULL) = (proofs IS NULL)),
    CONSTRAINT restores_finished_whole CHECK ((finished_at IS NULL) = (finished_by IS NULL)),
    CONSTRAINT restores_two_people
        CHECK (NOT takes_two OR are_two_people(begun_eyes, finished_eyes))
)
""",
    """
CREATE FUNCTION restores_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM restores WHERE epoch >= NEW.epoch
                                           OR after_batch > NEW.after_batch) THEN
            RAISE EXCEPTION 'restore % does not follow the one before it', NEW.epoch
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'restores_follow';
        END IF;
        NEW.begun_eyes := eyes_of(NEW.begun_by);
        RETURN NEW;
    END IF;
    IF OLD.finished_at IS NOT NULL
       OR (OLD.epoch, OLD.after_batch, OLD.begun_at, OLD.begun_by, OLD.reason, OLD.takes_two)
          <> (NEW.epoch, NEW.after_batch, NEW.begun_at, NEW.begun_by, NEW.reason, NEW.takes_two)
    THEN
        RAISE EXCEPTION 'restore % cannot become that', OLD.epoch
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'restores_states';
    END IF;
    NEW.begun_eyes := OLD.begun_eyes;
    NEW.finished_eyes := CASE WHEN NEW.finished_by IS NOT NULL
                              THEN eyes_of(NEW.finished_by) END;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER restores_follow BEFORE INSERT OR UPDATE ON restores
    FOR EACH ROW EXECUTE FUNCTION restores_must_follow()
""",
    """
CREATE TRIGGER restores_never_removed BEFORE DELETE OR TRUNCATE ON restores
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE FUNCTION ledger_epoch(batch bigint) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(max(epoch), 0) FROM restores WHERE after_batch < batch
$$
""",
    # Our id of what has a position of a chain. The position need not be taken: checks name what
    # is missing, too.
    """
CREATE FUNCTION transaction_name(wallet bigint, seq bigint) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT 'txn-' || wallet || '-' || seq || coalesce('-' || nullif((
        SELECT ledger_epoch(o.batch_id) FROM operations o
         WHERE o.wallet_id = wallet AND o.wallet_seq = seq), 0), '')
$$
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
