"""The console: passwords, one-time codes, sessions and login attempts; who checks four eyes."""

from alembic import op

revision = "0113"
down_revision = "0112"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE passwords (
    person_id bigint PRIMARY KEY REFERENCES people,
    hash      text NOT NULL,
    set_at    timestamptz NOT NULL,
    CONSTRAINT passwords_hash_shape CHECK (hash LIKE '$argon2id$%')
)
""",
    # Whoever holds a code may choose a new password, once; only the code's SHA-256 is stored.
    """
CREATE TABLE password_codes (
    code_hash  text PRIMARY KEY,
    person_id  bigint NOT NULL REFERENCES people,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT password_codes_hash_shape CHECK (code_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT password_codes_expire CHECK (expires_at > made_at)
)
""",
    "CREATE INDEX password_codes_by_person ON password_codes (person_id) WHERE used_at IS NULL",
    """
CREATE TABLE console_sessions (
    session_hash text PRIMARY KEY,
    person_id    bigint NOT NULL REFERENCES people,
    begun_at     timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    CONSTRAINT console_sessions_hash_shape CHECK (session_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT console_sessions_expire CHECK (expires_at > begun_at)
)
""",
    """
CREATE INDEX console_sessions_by_person ON console_sessions (person_id) WHERE ended_at IS NULL
""",
    # Names are hashed: some people type their password where the name belongs.
    """
CREATE TABLE login_attempts (
    attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    name_hash  text NOT NULL,
    address    text NOT NULL,
    succeeded  boolean NOT NULL DEFAULT false
)
""",
    "CREATE INDEX login_attempts_by_name ON login_attempts (name_hash, at)",
    "CREATE INDEX login_attempts_by_address ON login_attempts (address, at)",
    # What the scheduler books: the console approves, and cannot write the books.
    """
CREATE INDEX break_workflows_approved ON break_workflows (since) WHERE state = 'approved'
""",
    # The breaks of one day, and of a month of days.
    """
CREATE INDEX breaks_by_provider_day ON breaks (provider, (coalesce(began_at, first_seen)))
""",
    # These lock rows of people and day_closes, which the console's role may not change.
    """
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION eyes_of(text) SECURITY DEFINER'
                   ' SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION day_steps_must_follow() SECURITY DEFINER'
                   ' SET search_path = %I, pg_temp', current_schema());
END $$
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
