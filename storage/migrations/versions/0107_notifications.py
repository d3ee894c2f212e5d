"""Notifications: the events that rules took, and the messages made of them."""

from alembic import op

revision = "0107"
down_revision = "0105"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE notifications (
    message_id      text PRIMARY KEY,
    rule            text NOT NULL,
    created_at      timestamptz NOT NULL,
    title           text NOT NULL,
    lines           jsonb NOT NULL,
    events          integer NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    sent_at         timestamptz,
    given_up_at     timestamptz,
    last_error      text,
    CONSTRAINT notifications_events_positive CHECK (events > 0),
    CONSTRAINT notifications_sent_or_given_up CHECK (sent_at IS NULL OR given_up_at IS NULL)
)
""",
    "CREATE INDEX notifications_by_rule ON notifications (rule, created_at)",
    """
CREATE INDEX notifications_due ON notifications (next_attempt_at)
 WHERE sent_at IS NULL AND given_up_at IS NULL
""",
    """
CREATE TABLE notification_events (
    event_no   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule       text NOT NULL,
    kind       text NOT NULL,
    event_key  text NOT NULL,              -- the same while its cause lasts
    provider   text NOT NULL,
    sentence   text NOT NULL,
    subject    text NOT NULL,
    taken_at   timestamptz NOT NULL,
    message_id text REFERENCES notifications,  -- null: waits for the next message
    CONSTRAINT notification_events_once UNIQUE (rule, kind, event_key)
)
""",
    """
CREATE INDEX notification_events_waiting ON notification_events (rule, event_no)
 WHERE message_id IS NULL
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
