"""Indexes for pages over large books, and a wallet's place in time."""

from alembic import op

revision = "0119"
down_revision = "0118"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # The first row of a provider, and its rows of a day. The block range indexes stay: a run
    # reads long windows of all rows in order.
    "CREATE INDEX rounds_by_provider_time ON rounds (provider, first_at)",
    "CREATE INDEX feed_records_by_provider_time ON feed_records (provider, created_at)",
    # Rounds with any rolled back record count as nothing: found without a look at the table.
    """
CREATE INDEX feed_records_rolled_back ON feed_records (provider, match_key, round_id, handle)
    WHERE rolled_back
""",
    # The order of each list of breaks, so that a page reads no more than it shows.
    "CREATE INDEX breaks_by_money ON breaks ((-abs(difference)))",
    "CREATE INDEX break_workflows_by_age ON break_workflows (opened_at)",
    # What a text is searched in, in small letters: joining it up anew for every break took most
    # of the time of a search.
    """
ALTER TABLE breaks ADD COLUMN words text NOT NULL GENERATED ALWAYS AS (
    lower(break_id || ' ' || round_id || ' ' || alias || ' ' || coalesce(player || ' ', '')
          || explanation)) STORED
""",
    # Positions of a chain are in the order of time, but for requests that waited to be decided.
    """
CREATE FUNCTION chain_position_at(wallet bigint, instant timestamptz) RETURNS bigint
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    received timestamptz;
BEGIN
    SELECT seq + 1 INTO high FROM wallets WHERE wallet_id = wallet;
    WHILE low + 1 < high LOOP
        middle := (low + high) / 2;
        SELECT received_at INTO received FROM operations
         WHERE wallet_id = wallet AND wallet_seq = middle;
        IF received < instant THEN
            low := middle;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN high;
END $$
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
