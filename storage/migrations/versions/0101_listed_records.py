"""The records that a file lists: one check of the file for each statement, not for each row.

The foreign key was checked once for each listed record, which took longer than storing them.
"""

from alembic import op

revision = "0101"
down_revision = "0100"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE feed_file_records DROP CONSTRAINT feed_file_records_file_id_fkey",
    """
CREATE FUNCTION refuse_unknown_feed_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT file_id FROM new_records) n
                WHERE NOT EXISTS (SELECT FROM feed_files f WHERE f.file_id = n.file_id)) THEN
        RAISE foreign_key_violation USING MESSAGE = 'feed_file_records: no such file';
    END IF;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER feed_file_records_of_a_file AFTER INSERT ON feed_file_records
    REFERENCING NEW TABLE AS new_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_feed_file()
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
