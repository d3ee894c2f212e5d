"""Let every guard look for its tables in the schema of the books first.

A temporary table hides the table of its name from whatever a session executes, and a guard
runs in the session whose change it checks. Functions that run as the owner had a search path
already. Whoever replaces a function sets its search path again: CREATE OR REPLACE forgets it.
"""

from alembic import op

revision = "0144"
down_revision = "0143"
branch_labels = None
depends_on = None

_PIN = """
DO $$
DECLARE
    guard regprocedure;
BEGIN
    FOR guard IN
        SELECT p.oid FROM pg_proc p
         WHERE pronamespace = current_schema()::regnamespace
           AND prorettype = 'trigger'::regtype
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp',
                       guard, current_schema());
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(_PIN)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
