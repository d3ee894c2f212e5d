"""Find things by name and amount."""

from alembic import op

revision = "0106"
down_revision = "0101"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Lookups of `tieout find` and filters of breaks that no index served.
    "CREATE INDEX breaks_by_round ON breaks (match_key)",
    "CREATE INDEX breaks_by_amount ON breaks (currency, difference)",
    "CREATE INDEX breaks_by_player ON breaks (player)",
    "CREATE INDEX feed_files_by_name ON feed_files (name)",
    "CREATE INDEX seals_by_hash ON seals (hash)",
    "CREATE INDEX adjustments_by_time ON adjustments (proposed_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
