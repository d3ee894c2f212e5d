"""Find positions of chains whose old operations left for archives."""

from alembic import op

revision = "0135"
down_revision = "0134"
branch_labels = None
depends_on = None

# Halves what lies between two positions, as before; where the middle one has no operation any
# more it looks at the next that there is.
_POSITION = """
CREATE OR REPLACE FUNCTION chain_position_at(wallet bigint, instant timestamptz) RETURNS bigint
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    first bigint;
    there record;
BEGIN
    SELECT seq + 1 INTO high FROM wallets WHERE wallet_id = wallet;
    first := high;
    WHILE low + 1 < high LOOP
        middle := (low + high) / 2;
        SELECT wallet_seq, received_at INTO there FROM operations
         WHERE wallet_id = wallet AND wallet_seq >= middle AND wallet_seq < high
         ORDER BY wallet_seq LIMIT 1;
        IF NOT FOUND THEN
            high := middle;
        ELSIF there.received_at < instant THEN
            low := there.wallet_seq;
        ELSE
            high := middle;
            first := there.wallet_seq;
        END IF;
    END LOOP;
    RETURN first;
END $$
"""


def upgrade() -> None:
    op.execute(_POSITION)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
