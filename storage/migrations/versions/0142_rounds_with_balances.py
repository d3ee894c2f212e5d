"""Indexes of what few rounds have: reported balances, and corrections of ours.

Whether a feed reports balances at all in a window was found by reading the window, and the
corrections of one round by reading all of the provider. On large books the indexes
may be built before, under these names, with CREATE INDEX CONCURRENTLY.
"""

from alembic import op

revision = "0142"
down_revision = "0141"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE INDEX IF NOT EXISTS feed_records_with_balance ON feed_records (provider, created_at)
 WHERE balance_before IS NOT NULL AND occurrence = 1 AND NOT rolled_back
""",
    """
CREATE INDEX IF NOT EXISTS adjustments_by_round ON adjustments (provider, round_id)
 WHERE round_id IS NOT NULL
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
