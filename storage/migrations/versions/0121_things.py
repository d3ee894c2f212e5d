"""Find rows of the audit trail by person, action and time, and the findings of one file."""

from alembic import op

revision = "0121"
down_revision = "0120"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # The pages of the trail go back in time, whatever the filter.
    "CREATE INDEX audit_by_time ON audit (at, audit_id)",
    "CREATE INDEX audit_by_actor ON audit (actor, at, audit_id)",
    "CREATE INDEX audit_by_action ON audit (action, at, audit_id)",
    # The page of a file shows its findings, also those that are resolved.
    "CREATE INDEX feed_findings_by_scope ON feed_findings (provider, feed, scope)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
