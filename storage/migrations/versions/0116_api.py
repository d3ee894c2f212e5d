"""The API: tokens, answers that idempotency keys repeat; single sign-on that is under way."""

from alembic import op

revision = "0116"
down_revision = "0115"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # A token is limited to its scopes and to the rights that its person has when it is used.
    """
CREATE TABLE api_tokens (
    token_id     text PRIMARY KEY,
    token_hash   text NOT NULL UNIQUE,       -- SHA-256 of the token, which is shown once
    person_id    bigint NOT NULL REFERENCES people,
    name         text NOT NULL,
    scopes       text[] NOT NULL,
    made_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    revoked_by   text,
    CONSTRAINT api_tokens_id_shape CHECK (token_id ~ '^tok-[0-9a-f]{20}$'),
    CONSTRAINT api_tokens_hash_shape CHECK (token_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT api_tokens_named CHECK (name <> '' AND length(name) <= 80),
    CONSTRAINT api_tokens_have_scopes CHECK (cardinality(scopes) > 0),
    CONSTRAINT api_tokens_expire CHECK (expires_at > made_at),
    CONSTRAINT api_tokens_revoked_by CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
)
""",
    "CREATE INDEX api_tokens_by_person ON api_tokens (person_id, made_at)",
    # One row for each idempotency key of a person. performed_at is set in the transaction of
    # the action itself, so that a repeat after a crash knows whether the action was done.
    """
CREATE TABLE api_requests (
    person_id    bigint NOT NULL REFERENCES people,
    key          text NOT NULL,
    fingerprint  text NOT NULL,              -- SHA-256 of method, path and body
    claim        text NOT NULL,              -- of the process that performs it
    started_at   timestamptz NOT NULL,
    performed_at timestamptz,
    status       integer,
    etag         text,
    answer       bytea,
    PRIMARY KEY (person_id, key),
    CONSTRAINT api_requests_key_length CHECK (length(key) BETWEEN 1 AND 255),
    CONSTRAINT api_requests_fingerprint_shape CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    CONSTRAINT api_requests_answered_whole CHECK ((status IS NULL) = (answer IS NULL))
)
""",
    "CREATE INDEX api_requests_by_start ON api_requests (started_at)",
    # A login at the identity provider that has begun; its state may come back once.
    """
CREATE TABLE sso_logins (
    state_hash   text PRIMARY KEY,
    browser_hash text NOT NULL,              -- SHA-256 of the cookie of the browser
    nonce        text NOT NULL,
    verifier     text NOT NULL,              -- of PKCE
    target       text NOT NULL,
    begun_at     timestamptz NOT NULL,
    used_at      timestamptz,
    CONSTRAINT sso_logins_state_shape CHECK (state_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT sso_logins_browser_shape CHECK (browser_hash ~ '^[0-9a-f]{64}$')
)
""",
    "CREATE INDEX sso_logins_by_start ON sso_logins (begun_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
