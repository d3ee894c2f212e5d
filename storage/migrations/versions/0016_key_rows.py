"""What a comparison asks of a row, in one column of it."""

from pathlib import Path

from alembic import op

revision = "0016"
#: Whatever stands before it in this folder: rooms add their migrations side by side.
down_revision = max(
    path.name[:4] for path in Path(__file__).parent.glob("0*.py") if path.name[:4] < revision
)
branch_labels = None
depends_on = None


def upgrade() -> None:
    sql = Path(__file__).parent.parent.joinpath("0016_key_rows.sql").read_text(encoding="utf-8")
    # The driver's own cursor: without parameters it reads no placeholder into a percent sign.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(sql)
    cursor.close()


def downgrade() -> None:
    raise NotImplementedError("the books are append-only: restore a backup instead")
