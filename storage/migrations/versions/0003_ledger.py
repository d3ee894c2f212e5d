"""The ledger, complete: accounts, adjustments, states, checkpoints, the audit trail."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sql = Path(__file__).parent.parent.joinpath("0003_ledger.sql").read_text(encoding="utf-8")
    # The driver's own cursor: without parameters it reads no placeholder into a percent sign.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(sql)
    cursor.close()


def downgrade() -> None:
    raise NotImplementedError("the books are append-only: restore a backup instead")
