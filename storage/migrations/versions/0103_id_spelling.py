"""A kind of break for a round that either side spells its own way.

The kind joins those that the database knows, whichever revisions added some before.
"""

from alembic import op

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None

_ADD_KIND = """
DO $$
DECLARE
    known text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
                    WHERE conname = 'breaks_kind_known' AND conrelid = 'breaks'::regclass);
BEGIN
    ASSERT position('ARRAY[' IN known) > 0;
    ALTER TABLE breaks DROP CONSTRAINT breaks_kind_known;
    EXECUTE 'ALTER TABLE breaks ADD CONSTRAINT breaks_kind_known '
         || replace(known, 'ARRAY[', 'ARRAY[''id_spelling''::text, ');
END $$
"""


def upgrade() -> None:
    op.execute(_ADD_KIND)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
