"""Journals for the general ledger: numbered without gaps, balanced, never changed."""

from alembic import op

revision = "0111"
down_revision = "0107"
branch_labels = None
depends_on = None

_JOURNALS = (
    """
CREATE TABLE journals (
    journal_no    bigint PRIMARY KEY,        -- 1, 2, 3 … without a gap
    external_id   text NOT NULL,             -- by which an importing program knows it again
    provider      text NOT NULL,             -- slug; 'tieout' for our own operations
    kind          text NOT NULL,             -- 'day': entries of a day; 'fee': a month's fee
    business_day  date NOT NULL,             -- of a fee: the last day of its month
    currency      text NOT NULL,
    version       integer NOT NULL,          -- 1; each later one books only what changed since
    digits        smallint NOT NULL,         -- after the decimal point of the amounts
    lines         integer NOT NULL,
    day_step      integer,                   -- number of the sign-off it rests on
    issued_by     text NOT NULL,
    issued_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT journals_external_id_once UNIQUE (external_id),
    CONSTRAINT journals_version_once UNIQUE (provider, kind, business_day, currency, version),
    CONSTRAINT journals_kind_known CHECK (kind IN ('day', 'fee')),
    CONSTRAINT journals_two_lines_or_more CHECK (lines >= 2),
    CONSTRAINT journals_digits_known CHECK (digits BETWEEN 0 AND 9),
    CONSTRAINT journals_issued_by_somebody CHECK (issued_by <> '')
)
""",
    "CREATE INDEX journals_by_day ON journals (business_day, provider)",
    """
CREATE TABLE journal_lines (
    journal_no  bigint NOT NULL REFERENCES journals,
    line_no     integer NOT NULL,
    nature      text NOT NULL,               -- play, correction, write_off …
    account     text NOT NULL,               -- ours: account_kind, or an account of the fee
    code        text NOT NULL,               -- the general ledger's
    amount      bigint NOT NULL,             -- as in entries: positive is a credit
    CONSTRAINT journal_lines_pkey PRIMARY KEY (journal_no, line_no),
    CONSTRAINT journal_lines_amount_not_zero CHECK (amount <> 0),
    CONSTRAINT journal_lines_code_not_empty CHECK (code <> '')
)
""",
    """
CREATE TRIGGER journals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TRIGGER journal_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    # Numbers and versions leave no gap, and the last step of a journal's day is its sign-off.
    """
CREATE FUNCTION journals_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.journal_no <> (SELECT coalesce(max(journal_no), 0) + 1 FROM journals)
       OR NEW.version <> (SELECT coalesce(max(version), 0) + 1 FROM journals
                           WHERE provider = NEW.provider AND kind = NEW.kind
                             AND business_day = NEW.business_day
                             AND currency = NEW.currency) THEN
        RAISE EXCEPTION 'journal % does not follow the one before it', NEW.external_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'journals_follow';
    END IF;
    IF NEW.provider <> 'tieout' AND NOT EXISTS (
           SELECT FROM (SELECT action, number FROM day_steps
                         WHERE provider = NEW.provider AND business_day = NEW.business_day
                         ORDER BY number DESC LIMIT 1) last
            WHERE action = 'signed' AND number = NEW.day_step) THEN
        RAISE EXCEPTION '% of % is not signed', NEW.business_day, NEW.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'journals_of_signed_days';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER journals_follow BEFORE INSERT ON journals
    FOR EACH ROW EXECUTE FUNCTION journals_must_follow()
""",
    # Checked when the transaction ends, for the journal and for every line of it: a journal is
    # balanced and whole, and no line joins it later.
    """
CREATE FUNCTION journals_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counted bigint;
    total numeric;
    expected integer;
BEGIN
    SELECT lines INTO expected FROM journals WHERE journal_no = NEW.journal_no;
    SELECT count(*), coalesce(sum(amount), 0) INTO counted, total
      FROM journal_lines WHERE journal_no = NEW.journal_no;
    IF counted <> expected OR total <> 0 THEN
        RAISE EXCEPTION 'journal % has % of % lines and a sum of %',
            NEW.journal_no, counted, expected, total
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'journals_balance';
    END IF;
    RETURN NULL;
END $$
""",
    """
CREATE CONSTRAINT TRIGGER journals_balance AFTER INSERT ON journals
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION journals_must_balance()
""",
    """
CREATE CONSTRAINT TRIGGER journal_lines_balance AFTER INSERT ON journal_lines
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION journals_must_balance()
""",
)


def upgrade() -> None:
    for statement in _JOURNALS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
