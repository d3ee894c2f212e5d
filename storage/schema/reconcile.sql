-- Reconciliation: runs, the breaks they find, and what people and providers do about a break.
-- Uses refuse_change() and the audit table of ledger.sql.
--
--   runs                  the result of each run
--   run_watermarks        how far the last run of each window read
--   residuals             differences that a tolerance let pass, booked in the ledger
--   residual_entries      their double entry
--   breaks                what a run found; only runs write it
--   break_transitions     which workflow state may follow which
--   break_workflows       what people do about a break: one row per break
--   break_notes           comments and evidence
--   detail_requests       inquiries to make at a provider's detail endpoint
--   detail_answers        what the provider answered
--   detail_pages          the pages it answered with
--   detail_rate_limits    when a provider may be asked again

-- Runs -----------------------------------------------------------------------------------------

CREATE TABLE runs (
    run_id        text PRIMARY KEY,
    provider      text NOT NULL,
    window_from   timestamptz NOT NULL,
    window_to     timestamptz NOT NULL,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz NOT NULL,
    result        jsonb NOT NULL,            -- what `tieout reconcile --json` prints, without breaks
    manifest      jsonb NOT NULL,            -- input identities, versions, conservation proof
    conserved     boolean NOT NULL,
    whole         boolean NOT NULL DEFAULT true,  -- false: it read only what had changed
    CONSTRAINT runs_are_conserved CHECK (conserved)
);
CREATE INDEX runs_by_provider ON runs (provider, finished_at);

-- An incremental run reads only what was written after the watermark of its window.
CREATE TABLE run_watermarks (
    provider      text NOT NULL,
    window_from   timestamptz NOT NULL,
    window_to     timestamptz NOT NULL,
    run_id        text NOT NULL REFERENCES runs,
    evaluated_at  timestamptz NOT NULL,      -- the run's reading of the clock
    maturity      interval NOT NULL,         -- a one-sided round younger than this was timing
    terms         text NOT NULL,             -- digest of settings, rules and code
    handles       text NOT NULL,             -- digest of the provider's handles and their players
    oldest_xid    bigint NOT NULL,           -- every transaction before this one had ended
    stored_no     bigint NOT NULL,           -- feed records up to this number were read
    CONSTRAINT run_watermarks_pkey PRIMARY KEY (provider, window_from, window_to)
);

-- Tolerance bookings ---------------------------------------------------------------------------

-- The run that finds a residual moves it from GGR to the account `difference`. If a later run
-- finds another amount, a further transaction moves the change and names the one it corrects.
CREATE TABLE residuals (
    residual_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id       text NOT NULL REFERENCES runs,
    provider     text NOT NULL,
    round_id     text NOT NULL,
    player       text NOT NULL DEFAULT '',   -- whose share, if several players share the round
    match_key    bigint NOT NULL,
    currency     text NOT NULL,
    sequence     integer NOT NULL,           -- 1, 2, 3 … within round, player and currency
    before       bigint NOT NULL,            -- booked until now, signed, to the player
    after        bigint NOT NULL,            -- booked from now on: what the run found
    corrects     bigint REFERENCES residuals,
    booked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Of two runs that read the same ledger state, only one can book.
    CONSTRAINT residuals_once UNIQUE (provider, round_id, player, currency, sequence),
    CONSTRAINT residuals_corrected_once UNIQUE (corrects),
    CONSTRAINT residuals_move_something CHECK (before <> after),
    CONSTRAINT residuals_begin_at_nothing
        CHECK (sequence > 0 AND (sequence = 1) = (corrects IS NULL)
               AND (sequence > 1 OR before = 0))
);
CREATE INDEX residuals_by_round ON residuals (provider, match_key);
CREATE INDEX residuals_by_run ON residuals (run_id);
CREATE INDEX residuals_by_time ON residuals USING brin (booked_at);
CREATE TRIGGER residuals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON residuals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE residual_entries (
    residual_id  bigint NOT NULL REFERENCES residuals,
    leg          smallint NOT NULL,
    account      account_kind NOT NULL,
    provider     text NOT NULL,
    match_key    bigint NOT NULL,
    currency     text NOT NULL,
    amount       bigint NOT NULL,            -- positive: into the account
    CONSTRAINT residual_entries_pkey PRIMARY KEY (residual_id, leg),
    CONSTRAINT residual_entries_amount_not_zero CHECK (amount <> 0),
    CONSTRAINT residual_entries_of_the_house
        CHECK ((leg, account) IN ((1, 'ggr'), (2, 'difference')))
);
CREATE TRIGGER residual_entries_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON residual_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A transaction starts at the amount where the one it corrects ended, and one statement writes it
-- together with both of its entries.
CREATE FUNCTION residuals_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong_id bigint;
BEGIN
    SELECT w.residual_id INTO wrong_id
      FROM written w LEFT JOIN residuals p ON p.residual_id = w.corrects
     WHERE w.sequence > 1
       AND (p.provider, p.round_id, p.player, p.match_key, p.currency, p.sequence, p.after)
           IS DISTINCT FROM
           (w.provider, w.round_id, w.player, w.match_key, w.currency, w.sequence - 1, w.before)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'residual % does not follow the one it corrects', wrong_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'residuals_follow';
    END IF;
    SELECT w.residual_id INTO wrong_id FROM written w
     WHERE (SELECT count(*) FROM residual_entries e WHERE e.residual_id = w.residual_id) <> 2
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'residual % is written without its entries', wrong_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'residuals_have_entries';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER residuals_follow AFTER INSERT ON residuals
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION residuals_must_follow();

-- Checks the booking code independently, as for all entries: those of one residual sum to zero
-- within the statement, and they move what their residual says.
CREATE FUNCTION residual_entries_must_sum_to_zero() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unbalanced record;
BEGIN
    SELECT residual_id, currency, sum(amount) AS total INTO unbalanced
      FROM written GROUP BY residual_id, currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entries of residual % do not sum to zero: % %',
            unbalanced.residual_id, unbalanced.total, unbalanced.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'residual_entries_sum_to_zero';
    END IF;
    SELECT w.residual_id INTO unbalanced
      FROM written w JOIN residuals r USING (residual_id)
     WHERE (w.provider, w.match_key, w.currency, w.amount)
           <> (r.provider, r.match_key, r.currency,
               CASE w.leg WHEN 1 THEN r.before - r.after ELSE r.after - r.before END)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entries of residual % are not what it moves', unbalanced.residual_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'residual_entries_fit';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER residual_entries_sum_to_zero AFTER INSERT ON residual_entries
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION residual_entries_must_sum_to_zero();

-- Breaks ---------------------------------------------------------------------------------------

CREATE TABLE breaks (
    break_id      text PRIMARY KEY,          -- stable: the same difference keeps its id between runs
    run_id        text NOT NULL REFERENCES runs,
    provider      text NOT NULL,
    kind          text NOT NULL,
    impact        text NOT NULL CHECK (impact IN ('player_owed', 'operator_owed', 'none')),
    player        text,
    currency      text NOT NULL,
    round_id      text NOT NULL,
    match_key     bigint NOT NULL,
    ours          jsonb,
    theirs        jsonb,
    difference    bigint NOT NULL,           -- signed: theirs less ours, to the player
    explanation   text NOT NULL,
    first_seen    timestamptz NOT NULL,
    last_seen     timestamptz NOT NULL,
    cleared_at    timestamptz,
    began_at      timestamptz,               -- when the bet or event it is about took place
    subject       text NOT NULL DEFAULT '',  -- within the round: an operation key, a record
    alias         text NOT NULL DEFAULT '',  -- the provider's own name of the round, if another
    evidence      jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT breaks_kind_known CHECK (kind IN (
        'missing_in_ledger', 'missing_at_provider', 'currency_mismatch', 'ambiguous_match',
        'status_mismatch', 'stake_mismatch', 'payout_mismatch', 'duplicate_at_provider',
        'duplicate_in_ledger', 'player_mismatch', 'arithmetic_error', 'round_total_mismatch',
        'late_original', 'orphan_rollback', 'idempotency_conflict', 'delivery_missing',
        'delivery_disputed', 'open_round_overdue', 'balance_chain_gap', 'negative_balance',
        'unparsable_record', 'restated_after_close'))
);
CREATE INDEX breaks_open ON breaks (provider, kind) WHERE cleared_at IS NULL;
CREATE INDEX breaks_by_run ON breaks (run_id);

-- Workflow -------------------------------------------------------------------------------------

-- breaks/states.py holds the same table.
CREATE TABLE break_transitions (
    before text NOT NULL,
    after  text NOT NULL,
    CONSTRAINT break_transitions_pkey PRIMARY KEY (before, after)
);
INSERT INTO break_transitions (before, after) VALUES
    ('open', 'assigned'), ('open', 'explained'), ('open', 'adjustment_proposed'),
    ('open', 'closed'),
    ('assigned', 'open'), ('assigned', 'explained'), ('assigned', 'adjustment_proposed'),
    ('assigned', 'closed'),
    ('explained', 'open'), ('explained', 'assigned'), ('explained', 'adjustment_proposed'),
    ('explained', 'closed'),
    ('adjustment_proposed', 'open'), ('adjustment_proposed', 'assigned'),
    ('adjustment_proposed', 'approved'), ('adjustment_proposed', 'closed'),
    ('approved', 'posted'),
    ('posted', 'open'), ('posted', 'closed'),
    ('closed', 'open');
CREATE TRIGGER break_transitions_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON break_transitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE break_workflows (
    break_id   text PRIMARY KEY REFERENCES breaks,
    state      text NOT NULL,
    assignee   text,
    since      timestamptz NOT NULL,          -- when it entered this state
    opened_at  timestamptz NOT NULL,          -- first seen, or reopened: age and SLA start here
    reopened   integer NOT NULL DEFAULT 0,
    settled    bigint,                        -- the difference that a person explained or closed
    answer     text,                          -- what the provider last answered about it
    CONSTRAINT break_workflows_state_known CHECK (state IN (
        'open', 'assigned', 'explained', 'adjustment_proposed', 'approved', 'posted', 'closed')),
    CONSTRAINT break_workflows_assigned_to_somebody
        CHECK (assignee <> '' AND (state <> 'assigned' OR assignee IS NOT NULL)),
    CONSTRAINT break_workflows_settled_by_a_person
        CHECK ((state <> 'explained' OR settled IS NOT NULL)
               AND (settled IS NULL OR state IN ('explained', 'closed'))),
    CONSTRAINT break_workflows_answer_known CHECK (answer IN ('confirmed', 'unknown', 'failed')),
    CONSTRAINT break_workflows_reopened_not_negative CHECK (reopened >= 0)
);
CREATE INDEX break_workflows_unfinished ON break_workflows (state, break_id)
    WHERE state <> 'closed';
CREATE INDEX break_workflows_written_off ON break_workflows (break_id)
    WHERE state = 'closed' AND settled IS NOT NULL;

-- Every break has a workflow row from the moment it is stored, whoever stores it.
CREATE FUNCTION breaks_start_workflow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO break_workflows (break_id, state, since, opened_at)
    SELECT break_id, CASE WHEN cleared_at IS NULL THEN 'open' ELSE 'closed' END, first_seen,
           first_seen
      FROM written;
    INSERT INTO audit (actor, action, subject, detail)
    SELECT 'reconcile', 'break.opened', break_id,
           jsonb_build_object('run', run_id, 'kind', kind, 'after', 'open')
      FROM written ORDER BY break_id;
    RETURN NULL;
END $$;
CREATE TRIGGER breaks_start_workflow AFTER INSERT ON breaks
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION breaks_start_workflow();

-- A state changes only along break_transitions; a break is approved or posted only if its
-- adjustments are.
CREATE FUNCTION break_workflows_must_follow_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.break_id <> OLD.break_id OR NEW.reopened < OLD.reopened
       OR NOT EXISTS
          (SELECT FROM break_transitions WHERE before = OLD.state AND after = NEW.state)
    THEN
        RAISE EXCEPTION 'break % cannot go from % to %', OLD.break_id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_workflows_transitions';
    END IF;
    IF NEW.state IN ('approved', 'posted') AND (
           EXISTS (SELECT FROM adjustments WHERE break_id = NEW.break_id
                      AND (state = 'proposed' OR (NEW.state = 'posted' AND state = 'approved')))
           OR NOT EXISTS (SELECT FROM adjustments WHERE break_id = NEW.break_id
                             AND (state = 'posted'
                                  OR (NEW.state = 'approved' AND state = 'approved'))))
    THEN
        RAISE EXCEPTION 'break % is not % by its corrections', OLD.break_id, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_workflows_corrections';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER break_workflows_transitions BEFORE UPDATE ON break_workflows
    FOR EACH ROW WHEN (OLD.state <> NEW.state OR OLD.break_id <> NEW.break_id
                       OR NEW.reopened < OLD.reopened)
    EXECUTE FUNCTION break_workflows_must_follow_transitions();
CREATE TRIGGER break_workflows_never_removed BEFORE DELETE OR TRUNCATE ON break_workflows
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Nobody can approve an adjustment whose break has left the correction path.
CREATE FUNCTION adjustments_must_suit_their_break() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    break_state text;
BEGIN
    SELECT state INTO break_state FROM break_workflows
     WHERE break_id = NEW.break_id FOR SHARE;
    IF break_state NOT IN ('adjustment_proposed', 'approved') THEN
        RAISE EXCEPTION 'adjustment % repairs break %, which is %',
            NEW.id, NEW.break_id, break_state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'adjustments_suit_their_break';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER adjustments_suit_their_break BEFORE UPDATE ON adjustments
    FOR EACH ROW WHEN (NEW.break_id IS NOT NULL AND OLD.state = 'proposed'
                       AND NEW.state = 'approved')
    EXECUTE FUNCTION adjustments_must_suit_their_break();

CREATE TABLE break_notes (
    note_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    break_id  text NOT NULL REFERENCES breaks,
    at        timestamptz NOT NULL,
    author    text NOT NULL,
    kind      text NOT NULL,
    body      text NOT NULL,                 -- a comment's text, a file's name, a link's target
    digest    text,                          -- SHA-256 of the file or page, in hex
    size      bigint,                        -- its length in bytes
    CONSTRAINT break_notes_kind_known
        CHECK (kind IN ('comment', 'text', 'file', 'link', 'detail')),
    CONSTRAINT break_notes_say_something CHECK (author <> '' AND body <> ''),
    CONSTRAINT break_notes_digest_shape
        CHECK (digest ~ '^[0-9a-f]{64}$' AND (digest IS NULL) = (size IS NULL) AND size >= 0),
    CONSTRAINT break_notes_file_has_digest CHECK (kind <> 'file' OR digest IS NOT NULL)
);
CREATE INDEX break_notes_by_break ON break_notes (break_id, note_id);
CREATE TRIGGER break_notes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON break_notes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Provider inquiries ---------------------------------------------------------------------------

CREATE TABLE detail_pages (
    digest   text PRIMARY KEY,
    content  bytea NOT NULL,
    CONSTRAINT detail_pages_digest_is_theirs
        CHECK (digest = encode(sha256(content), 'hex'))
);
CREATE TRIGGER detail_pages_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON detail_pages
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The last answer about one key; once it has expired, the provider is asked again.
CREATE TABLE detail_answers (
    provider    text NOT NULL,
    key         text NOT NULL,
    verdict     text NOT NULL,
    reason      text NOT NULL,               -- in words: why it failed, what is not known
    link        text,
    digest      text REFERENCES detail_pages,
    asked_at    timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT detail_answers_pkey PRIMARY KEY (provider, key),
    CONSTRAINT detail_answers_verdict_known
        CHECK (verdict IN ('confirmed', 'unknown', 'failed')),
    CONSTRAINT detail_answers_expire_later CHECK (expires_at >= asked_at)
);

-- Inquiries to make; one is done once its answer is attached to the break.
CREATE TABLE detail_requests (
    request_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    break_id      text NOT NULL REFERENCES breaks,
    provider      text NOT NULL,
    key           text NOT NULL,
    requested_by  text NOT NULL,
    requested_at  timestamptz NOT NULL,
    refresh       boolean NOT NULL,          -- ask even if an answer has not expired
    not_before    timestamptz NOT NULL,
    attempts      integer NOT NULL DEFAULT 0,
    done_at       timestamptz,
    CONSTRAINT detail_requests_attempts_not_negative CHECK (attempts >= 0),
    CONSTRAINT detail_requests_requested_by_somebody CHECK (requested_by <> '' AND key <> '')
);
CREATE UNIQUE INDEX detail_requests_once ON detail_requests (break_id) WHERE done_at IS NULL;
CREATE INDEX detail_requests_waiting ON detail_requests (not_before, request_id)
    WHERE done_at IS NULL;

-- When a provider may be asked again, however many workers want to.
CREATE TABLE detail_rate_limits (
    provider  text PRIMARY KEY,
    next_at   timestamptz NOT NULL
);
