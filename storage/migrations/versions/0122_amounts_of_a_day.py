"""Find the operations of a day that moved an amount."""

from alembic import op

revision = "0122"
down_revision = "0121"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Operations are written in the order of batches, so a summary of each stretch of pages
    # names those of a day that may have the amount. A callback pays no random page for it.
    """
CREATE INDEX operations_by_batch_and_amount ON operations
    USING brin (batch_id, abs(amount) int8_bloom_ops) WITH (pages_per_range = 32)
""",
    # What a run opened and cleared: it dates both by its own start.
    "CREATE INDEX breaks_by_first_seen ON breaks (provider, first_seen)",
    """
CREATE INDEX breaks_by_clearing ON breaks (provider, cleared_at) WHERE cleared_at IS NOT NULL
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
