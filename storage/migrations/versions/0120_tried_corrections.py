"""A correction of a break is approved only with the trials of its proposal and its approval."""

from alembic import op

revision = "0120"
down_revision = "0119"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Whoever writes the statement: decision 0043 holds in the database too.
    """
CREATE FUNCTION adjustments_must_be_tried() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM breaks WHERE break_id = NEW.break_id)
       AND NOT EXISTS (SELECT FROM correction_trials
                        WHERE break_id = NEW.break_id AND phase = TG_ARGV[0]
                          AND NEW.id = ANY (adjustments))
    THEN
        RAISE EXCEPTION 'adjustment % of break % has no trial of the phase %: reject it and'
                        ' propose it with `tieout breaks propose`',
                        NEW.id, NEW.break_id, TG_ARGV[0]
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'adjustments_tried';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER adjustments_tried BEFORE UPDATE ON adjustments
    FOR EACH ROW WHEN (NEW.break_id IS NOT NULL AND OLD.state = 'proposed'
                       AND NEW.state = 'approved')
    EXECUTE FUNCTION adjustments_must_be_tried('proposed')
""",
    # The approval's own trial is stored later in its transaction.
    """
CREATE CONSTRAINT TRIGGER adjustments_tried_again AFTER UPDATE ON adjustments
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.break_id IS NOT NULL AND OLD.state = 'proposed'
                       AND NEW.state = 'approved')
    EXECUTE FUNCTION adjustments_must_be_tried('approved')
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
