"""A kind of break for a round that either side spells its own way."""

from alembic import op

revision = "0103"
down_revision = "0101"
branch_labels = None
depends_on = None

_KINDS = (
    *("missing_in_ledger", "missing_at_provider", "currency_mismatch", "ambiguous_match"),
    *("id_spelling", "status_mismatch", "stake_mismatch", "payout_mismatch"),
    *("duplicate_at_provider", "duplicate_in_ledger", "player_mismatch", "arithmetic_error"),
    *("round_total_mismatch", "late_original", "orphan_rollback", "idempotency_conflict"),
    *("delivery_missing", "delivery_disputed", "open_round_overdue", "balance_chain_gap"),
    *("negative_balance", "unparsable_record", "restated_after_close"),
)


def upgrade() -> None:
    kinds = ", ".join(f"'{kind}'" for kind in _KINDS)
    op.execute("ALTER TABLE breaks DROP CONSTRAINT breaks_kind_known")
    op.execute(f"ALTER TABLE breaks ADD CONSTRAINT breaks_kind_known CHECK (kind IN ({kinds}))")


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
