"""Month ends: where every wallet stood at the end of the months that were let go."""

from contextlib import closing
from pathlib import Path

from alembic import op

revision = "0131"
down_revision = "0130"
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parents[2] / "schema" / "month_ends.sql"


def upgrade() -> None:
    # The driver's own cursor: without parameters it takes no percent sign for a placeholder.
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(SCHEMA.read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
