"""The whole schema: the four files of storage/schema, in the order in which they build up."""

from contextlib import closing
from pathlib import Path

from alembic import op

revision = "0100"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parents[2] / "schema"
FILES = ("ledger.sql", "feeds.sql", "reconcile.sql", "queue.sql")


def upgrade() -> None:
    # The driver's own cursor: without parameters it takes no percent sign for a placeholder.
    with closing(op.get_bind().connection.cursor()) as cursor:
        for name in FILES:
            cursor.execute((SCHEMA / name).read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
