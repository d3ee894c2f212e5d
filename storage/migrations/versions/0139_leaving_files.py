"""Statement files leave archived months, written to a supplement of the archive."""

from contextlib import closing
from pathlib import Path

from alembic import op

revision = "0139"
down_revision = "0138"
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parents[2] / "schema" / "leaving_files.sql"


def upgrade() -> None:
    # The driver's own cursor: without parameters it takes no percent sign for a placeholder.
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(SCHEMA.read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
