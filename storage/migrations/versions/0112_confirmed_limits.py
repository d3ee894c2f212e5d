"""Limits and deposits that take two people; indexes for filters of breaks."""

from alembic import op

revision = "0112"
down_revision = "0111"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Filters of breaks by day and by round; hashes, because ids may be as long as a page.
    "CREATE INDEX breaks_by_day ON breaks (began_at)",
    "CREATE INDEX breaks_by_round_id ON breaks USING hash (round_id)",
    "CREATE INDEX breaks_by_alias ON breaks USING hash (alias) WHERE alias <> ''",
    # Breaks by their age, for notifications of those that become due.
    """
CREATE INDEX break_workflows_by_opening ON break_workflows (opened_at) WHERE state <> 'closed'
""",
    # The limits in force are the last confirmed version, whatever the settings file says.
    """
CREATE TABLE limit_versions (
    version_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest        text NOT NULL,             -- SHA-256 of the document
    document      jsonb NOT NULL,
    proposed_by   text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    state         text NOT NULL,
    decided_by    text,
    decided_at    timestamptz,
    proposed_eyes text[],                    -- eyes_of() the proposer when it was proposed
    decided_eyes  text[],                    -- eyes_of() the one who decided, at that moment
    CONSTRAINT limit_versions_digest_shape CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT limit_versions_state_known
        CHECK (state IN ('first', 'proposed', 'confirmed', 'rejected')),
    CONSTRAINT limit_versions_decided_or_not
        CHECK ((state IN ('first', 'proposed')) = (decided_by IS NULL)
               AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT limit_versions_four_eyes CHECK (decided_by <> proposed_by),
    CONSTRAINT limit_versions_two_people CHECK (are_two_people(proposed_eyes, decided_eyes))
)
""",
    """
CREATE UNIQUE INDEX limit_versions_one_first ON limit_versions (state) WHERE state = 'first'
""",
    """
CREATE UNIQUE INDEX limit_versions_one_proposed ON limit_versions (state)
    WHERE state = 'proposed'
""",
    # Limits are set up alone only with the books: nobody can start again later.
    """
CREATE FUNCTION limit_versions_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('first', 'proposed')
           OR (NEW.state = 'first') <> NOT EXISTS (SELECT FROM limit_versions) THEN
            RAISE EXCEPTION 'limits are proposed by one person and confirmed by another'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'limit_versions_follow';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'proposed' OR NEW.state NOT IN ('confirmed', 'rejected')
       OR (OLD.version_id, OLD.digest, OLD.document, OLD.proposed_by, OLD.proposed_at)
          <> (NEW.version_id, NEW.digest, NEW.document, NEW.proposed_by, NEW.proposed_at) THEN
        RAISE EXCEPTION 'limits % are % and stay so', OLD.version_id, OLD.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'limit_versions_follow';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER limit_versions_follow BEFORE INSERT OR UPDATE ON limit_versions
    FOR EACH ROW EXECUTE FUNCTION limit_versions_must_follow()
""",
    """
CREATE TRIGGER limit_versions_eyes BEFORE INSERT OR UPDATE ON limit_versions
    FOR EACH ROW WHEN (NEW.state <> 'first') EXECUTE FUNCTION keep_eyes()
""",
    """
CREATE TRIGGER limit_versions_never_removed BEFORE DELETE OR TRUNCATE ON limit_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    # Deposits and withdrawals beyond the limit of one person.
    """
CREATE TABLE fund_requests (
    request_id    text PRIMARY KEY,
    operation_key text NOT NULL UNIQUE,      -- the key of the operation that it becomes
    document      jsonb NOT NULL,            -- the order, as it is carried out
    player        text NOT NULL,
    currency      text NOT NULL,
    amount        bigint NOT NULL,           -- signed: to the player
    reason        text NOT NULL,
    proposed_by   text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    state         text NOT NULL,
    decided_by    text,
    decided_at    timestamptz,
    proposed_eyes text[],
    decided_eyes  text[],
    CONSTRAINT fund_requests_id_shape CHECK (request_id ~ '^dep-[0-9a-f]{32}$'),
    CONSTRAINT fund_requests_amount_not_zero CHECK (amount <> 0),
    CONSTRAINT fund_requests_texts_not_empty CHECK (reason <> '' AND proposed_by <> ''),
    CONSTRAINT fund_requests_state_known CHECK (state IN ('proposed', 'approved', 'rejected')),
    CONSTRAINT fund_requests_decided_or_proposed
        CHECK ((state = 'proposed') = (decided_by IS NULL)
               AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT fund_requests_four_eyes CHECK (decided_by <> proposed_by),
    CONSTRAINT fund_requests_two_people CHECK (are_two_people(proposed_eyes, decided_eyes))
)
""",
    """
CREATE INDEX fund_requests_proposed ON fund_requests (proposed_at) WHERE state = 'proposed'
""",
    """
CREATE FUNCTION fund_requests_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP = 'INSERT' AND NEW.state <> 'proposed')
       OR (TG_OP = 'UPDATE' AND (
           OLD.state <> 'proposed'
           OR (OLD.request_id, OLD.operation_key, OLD.document, OLD.player, OLD.currency,
               OLD.amount, OLD.reason, OLD.proposed_by, OLD.proposed_at)
              <> (NEW.request_id, NEW.operation_key, NEW.document, NEW.player, NEW.currency,
                  NEW.amount, NEW.reason, NEW.proposed_by, NEW.proposed_at))) THEN
        RAISE EXCEPTION 'request % is proposed once and decided once', NEW.request_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'fund_requests_follow';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER fund_requests_follow BEFORE INSERT OR UPDATE ON fund_requests
    FOR EACH ROW EXECUTE FUNCTION fund_requests_must_follow()
""",
    """
CREATE TRIGGER fund_requests_eyes BEFORE INSERT OR UPDATE ON fund_requests
    FOR EACH ROW EXECUTE FUNCTION keep_eyes()
""",
    """
CREATE TRIGGER fund_requests_never_removed BEFORE DELETE OR TRUNCATE ON fund_requests
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
