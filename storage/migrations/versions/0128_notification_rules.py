"""Rules of notifications that people keep in the database, and trials with an own recipient."""

from alembic import op

revision = "0128"
down_revision = "0127"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Without secrets: a rule names the section [[notify]] of the settings that has its channel.
    """
CREATE TABLE notification_rules (
    rule        text PRIMARY KEY,
    terms       jsonb NOT NULL,              -- keys of [[notify]]; channel and recipients
    version     integer NOT NULL DEFAULT 1,  -- grows with each change
    disabled    boolean NOT NULL DEFAULT false,
    changed_by  text NOT NULL,
    changed_at  timestamptz NOT NULL,
    CONSTRAINT notification_rules_named CHECK (rule ~ '^[a-z][a-z0-9_-]{0,39}$'),
    CONSTRAINT notification_rules_terms CHECK (jsonb_typeof(terms) = 'object'),
    CONSTRAINT notification_rules_versions CHECK (version > 0)
)
""",
    # Null: wherever the channel of the rule sends.
    "ALTER TABLE notifications ADD COLUMN recipients text[]",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
