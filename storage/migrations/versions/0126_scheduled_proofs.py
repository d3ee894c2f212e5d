"""Results of seals and checkpoints, which the scheduler makes, beside those of proofs."""

from alembic import op

revision = "0126"
down_revision = "0125"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE proof_runs DROP CONSTRAINT proof_runs_kind",
    """
ALTER TABLE proof_runs ADD CONSTRAINT proof_runs_kind
    CHECK (kind IN ('verify', 'replay', 'recheck', 'seal', 'checkpoint')) NOT VALID
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
