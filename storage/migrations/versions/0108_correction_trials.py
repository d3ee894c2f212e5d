"""What corrections would do, tried before they are stored and approved."""

from alembic import op

revision = "0108"
down_revision = "0107"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # The answer stands beside the proposals that it is about, and is evidence like them.
    """
CREATE TABLE correction_trials (
    trial_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    break_id    text NOT NULL REFERENCES breaks,
    phase       text NOT NULL,                 -- before it was proposed, or before its approval
    tried_at    timestamptz NOT NULL,
    overruled   text[] NOT NULL,               -- the sources that the proposer says are wrong
    adjustments text[] NOT NULL,               -- the proposals that were tried
    answer      jsonb NOT NULL,                -- what closes, opens, is posted, and contradicts
    CONSTRAINT correction_trials_phase_known CHECK (phase IN ('proposed', 'approved')),
    CONSTRAINT correction_trials_of_proposals CHECK (cardinality(adjustments) > 0)
)
""",
    "CREATE INDEX correction_trials_by_break ON correction_trials (break_id, trial_id)",
    """
CREATE TRIGGER correction_trials_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON correction_trials
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
