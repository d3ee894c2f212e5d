"""Journals for the general ledger, and the register of providers' invoices; append-only."""

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

_INVOICES = (
    """
CREATE TABLE invoices (
    invoice_id   text PRIMARY KEY,
    provider     text NOT NULL,
    number       text NOT NULL,              -- the provider's, as it was typed
    number_key   text NOT NULL,              -- normalised: of a provider, one invoice has it
    currency     text NOT NULL,
    fee          bigint NOT NULL,            -- claimed, minor units
    first_day    date NOT NULL,              -- the covered period, both included
    last_day     date NOT NULL,
    claims       jsonb NOT NULL,             -- as read: game, currency, ggr
    file_name    text NOT NULL,
    digest       bytea NOT NULL,             -- BLAKE2b of the file
    file         bytea NOT NULL,             -- as received
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT invoices_number_once UNIQUE (provider, number_key),
    CONSTRAINT invoices_file_once UNIQUE (provider, digest),
    CONSTRAINT invoices_id_shape CHECK (invoice_id ~ '^inv-[0-9a-f]{32}$'),
    CONSTRAINT invoices_number_not_empty CHECK (number <> '' AND number_key <> ''),
    CONSTRAINT invoices_period_in_order CHECK (first_day <= last_day)
)
""",
    "CREATE INDEX invoices_by_number ON invoices (number_key)",
    """
CREATE TABLE invoice_steps (
    invoice_id  text NOT NULL REFERENCES invoices,
    number      integer NOT NULL,            -- 1, 2, 3 …: of two steps at once, one is taken
    action      text NOT NULL,
    by_name     text NOT NULL,               -- the person in whose name it is done
    eyes        text[] NOT NULL,             -- eyes_of() that person at that moment
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason      text NOT NULL DEFAULT '',
    clean       boolean,                     -- it ties, each day is signed
    checked     jsonb,                       -- claimed and computed fee, days not signed
    paid_on     date,
    reference   text,                        -- of the payment
    CONSTRAINT invoice_steps_pkey PRIMARY KEY (invoice_id, number),
    CONSTRAINT invoice_steps_action_known
        CHECK (action IN ('received', 'approved', 'disputed', 'paid')),
    CONSTRAINT invoice_steps_checked
        CHECK ((action IN ('received', 'approved')) = (clean IS NOT NULL)
               AND (clean IS NULL) = (checked IS NULL)),
    CONSTRAINT invoice_steps_for_a_reason
        CHECK (reason <> '' OR action IN ('received', 'paid')
               OR (action = 'approved' AND clean)),
    CONSTRAINT invoice_steps_paid_with_reference
        CHECK ((action = 'paid') = (paid_on IS NOT NULL)
               AND (action = 'paid') = (reference IS NOT NULL) AND reference <> '')
)
""",
    """
CREATE TRIGGER invoices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoices
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TRIGGER invoice_steps_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    # reconcile/invoices/register/states.py has the same rules.
    """
CREATE FUNCTION invoice_steps_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    received invoice_steps;
    last invoice_steps;
BEGIN
    NEW.eyes := eyes_of(NEW.by_name);
    SELECT * INTO received FROM invoice_steps WHERE invoice_id = NEW.invoice_id AND number = 1;
    SELECT * INTO last FROM invoice_steps WHERE invoice_id = NEW.invoice_id
     ORDER BY number DESC LIMIT 1;
    IF NEW.number <> coalesce(last.number, 0) + 1
       OR (coalesce(last.action, ''), NEW.action) NOT IN
              (('', 'received'), ('received', 'approved'), ('received', 'disputed'),
               ('approved', 'disputed'), ('approved', 'paid'), ('disputed', 'approved')) THEN
        RAISE EXCEPTION '% cannot be % after %: somebody took another step meanwhile',
            NEW.invoice_id, NEW.action, coalesce(last.action, 'nothing')
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_steps_follow';
    END IF;
    IF NEW.action = 'approved' AND NOT are_two_people(received.eyes, NEW.eyes) THEN
        RAISE EXCEPTION '% received %: another person approves it',
            received.by_name, NEW.invoice_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_steps_two_people';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER invoice_steps_follow BEFORE INSERT ON invoice_steps
    FOR EACH ROW EXECUTE FUNCTION invoice_steps_must_follow()
""",
)


def upgrade() -> None:
    for statement in (*_JOURNALS, *_INVOICES):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
