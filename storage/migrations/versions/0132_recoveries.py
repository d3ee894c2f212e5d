"""Recoveries: callbacks that a restore lost, booked again from a log by two people."""

from alembic import op

revision = "0132"
down_revision = "0131"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # The evidence of each operation names its recovery; replay accepts its first reply only if
    # the recovery is approved here.
    """
CREATE TABLE recoveries (
    recovery_id   text PRIMARY KEY,
    epoch         bigint NOT NULL REFERENCES restores,
    file          text NOT NULL,             -- its name when it was proposed
    sha256        text NOT NULL,             -- of its bytes; the approver has to give the same
    callbacks     integer NOT NULL,          -- how many could be booked when it was proposed
    proposed_by   text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    state         text NOT NULL,
    decided_by    text,
    decided_at    timestamptz,
    proposed_eyes text[],
    decided_eyes  text[],
    CONSTRAINT recoveries_id_shape CHECK (recovery_id ~ '^rec-[0-9a-f]{32}$'),
    CONSTRAINT recoveries_digest_shape CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT recoveries_one_per_file UNIQUE (epoch, sha256),
    CONSTRAINT recoveries_state_known CHECK (state IN ('proposed', 'approved')),
    CONSTRAINT recoveries_decided_or_proposed
        CHECK ((state = 'proposed') = (decided_by IS NULL)
               AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT recoveries_four_eyes CHECK (decided_by <> proposed_by),
    CONSTRAINT recoveries_two_people CHECK (are_two_people(proposed_eyes, decided_eyes))
)
""",
    """
CREATE FUNCTION recoveries_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP = 'INSERT' AND NEW.state <> 'proposed')
       OR (TG_OP = 'UPDATE' AND (
           OLD.state <> 'proposed'
           OR (OLD.recovery_id, OLD.epoch, OLD.file, OLD.sha256, OLD.callbacks,
               OLD.proposed_by, OLD.proposed_at)
              <> (NEW.recovery_id, NEW.epoch, NEW.file, NEW.sha256, NEW.callbacks,
                  NEW.proposed_by, NEW.proposed_at))) THEN
        RAISE EXCEPTION 'recovery % is proposed once and approved once', NEW.recovery_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recoveries_follow';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER recoveries_follow BEFORE INSERT OR UPDATE ON recoveries
    FOR EACH ROW EXECUTE FUNCTION recoveries_must_follow()
""",
    """
CREATE TRIGGER recoveries_eyes BEFORE INSERT OR UPDATE ON recoveries
    FOR EACH ROW EXECUTE FUNCTION keep_eyes()
""",
    """
CREATE TRIGGER recoveries_never_removed BEFORE DELETE OR TRUNCATE ON recoveries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
