"""Amounts of operations, listed by stretches of batches; no index of them is kept any more."""

from alembic import op

revision = "0141"
down_revision = "0140"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Stretches of batches to which nothing can be added; they do not overlap.
    """
CREATE TABLE listed_batches (
    first_batch bigint NOT NULL CHECK (first_batch > 0),
    last_batch  bigint NOT NULL,
    width       bigint NOT NULL CHECK (width > 0),   -- batches of a block
    CONSTRAINT listed_batches_pkey PRIMARY KEY (first_batch),
    CONSTRAINT listed_batches_have_length CHECK (first_batch <= last_batch)
)
""",
    # A place is an amount in minor units times 512, plus the block of the stretch that has it.
    """
CREATE TABLE operation_amounts (
    first_batch bigint NOT NULL REFERENCES listed_batches,
    provider    text NOT NULL,
    currency    text NOT NULL,
    last_place  bigint NOT NULL,
    places      bytea NOT NULL,   -- in order, as differences of seven bits a byte
    CONSTRAINT operation_amounts_pkey PRIMARY KEY (first_batch, provider, currency, last_place)
)
""",
    # A search read the whole of it, and a row of a page that it does not sum up was read, too.
    "DROP INDEX operations_by_batch_and_amount",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
