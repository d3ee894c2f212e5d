"""Amounts of days that are over, listed beside their sums with the minutes that have them."""

from alembic import op

revision = "0130"
down_revision = "0129"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # When the amounts of the day were listed; they are those of its sums if it is summed_at.
    "ALTER TABLE summed_days ADD COLUMN amounts_at timestamptz",
    # Packed: an index with an entry for each amount would be a tenth of the books. Each place
    # is an amount in minor units times 2048, plus the minute of the day that has it.
    """
CREATE TABLE day_amounts (
    day_id    bigint NOT NULL REFERENCES summed_days,
    side      text NOT NULL CHECK (side IN ('ours', 'theirs')),
    currency  text NOT NULL,
    bucket    bigint NOT NULL,     -- the amount modulo 31: a search reads one row of a side
    places    bigint[] NOT NULL,   -- in order, each once
    CONSTRAINT day_amounts_pkey PRIMARY KEY (day_id, side, currency, bucket)
)
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
