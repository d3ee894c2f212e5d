"""Rounds with an operation that was recovered after their month leave with a later one."""

from contextlib import closing
from pathlib import Path

from alembic import op

revision = "0145"
down_revision = "0144"
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parents[2] / "schema" / "late_recoveries.sql"


def upgrade() -> None:
    # The driver's own cursor: without parameters it takes no percent sign for a placeholder.
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(SCHEMA.read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
