"""What the packed hashes of archives come to, so that a proof finds one that is gone."""

from contextlib import closing
from pathlib import Path

from alembic import op

revision = "0146"
down_revision = "0145"
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parents[2] / "schema" / "packed_hash_totals.sql"


def upgrade() -> None:
    # The driver's own cursor: without parameters it takes no percent sign for a placeholder.
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(SCHEMA.read_text(encoding="utf-8"))


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
