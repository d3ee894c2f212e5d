"""Lists of breaks read a narrow table of what they filter and order by."""

from contextlib import closing
from pathlib import Path

from alembic import op

revision = "0140"
down_revision = "0139"
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parents[2] / "schema" / "listed_breaks.sql"


def upgrade() -> None:
    # The driver's own cursor: without parameters it takes no percent sign for a placeholder.
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(SCHEMA.read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
