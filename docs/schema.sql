-- The schema of today: what all revisions in storage/migrations/versions/ come to, for reading.
-- `make schema` writes this file, and a test compares it; no migration executes it.
-- First types, then each table with its constraints, indexes and triggers, views, functions.
-- Rights are in privileges.md.

CREATE TYPE account_kind AS ENUM (
    'player_wallet',
    'provider_clearing',
    'ggr',
    'funding',
    'adjustment',
    'suspense',
    'bonus',
    'jackpot',
    'promo',
    'player_receivable',
    'difference'
);

CREATE TYPE delivery_line AS (
    provider text,
    route text,
    op_key text,
    verdict text,
    headers text,
    body bytea,
    reply_status smallint,
    reply bytea,
    received_at timestamptz
);

CREATE TYPE fund_kind AS ENUM (
    'cash',
    'free_round',
    'bonus',
    'jackpot',
    'promo',
    'difference',
    'suspense'
);

CREATE TYPE operation_decision AS ENUM (
    'accepted',
    'declined'
);

CREATE TYPE operation_kind AS ENUM (
    'bet',
    'win',
    'bet_and_win',
    'rollback',
    'round_end',
    'tombstone',
    'deposit',
    'withdrawal',
    'block',
    'unblock',
    'adjustment',
    'exclude',
    'limit'
);

CREATE TYPE operation_line AS (
    wallet_id bigint,
    wallet_seq bigint,
    provider text,
    op_key text,
    kind operation_kind,
    decision operation_decision,
    reason text,
    currency text,
    stake bigint,
    payout bigint,
    amount bigint,
    balance_after bigint,
    round_id text,
    match_key bigint,
    refers_to text,
    reverses text,
    ends_round boolean,
    declared_stake bigint,
    declared_payout bigint,
    fingerprint bytea,
    route text,
    headers text,
    body bytea,
    reply_status smallint,
    reply bytea,
    occurred_at timestamptz,
    received_at timestamptz,
    fund fund_kind
);

CREATE TYPE round_status AS ENUM (
    'open',
    'settled',
    'rolled_back',
    'void'
);

CREATE TYPE wallet_line AS (
    wallet_id bigint,
    balance bigint,
    seq bigint,
    turnover bigint,
    blocked boolean,
    day integer,
    day_stake bigint,
    day_payout bigint,
    restrictions jsonb
);

CREATE TABLE adjustments (
    id text NOT NULL,
    player text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    reason text NOT NULL,
    break_id text,
    provider text,
    round_id text,
    side text,
    fund fund_kind NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    state text NOT NULL,
    decided_by text,
    decided_at timestamptz,
    decision text,
    op_key text,
    proposed_eyes text[],
    decided_eyes text[],
    CONSTRAINT adjustments_amount_not_zero CHECK ((amount <> 0)),
    CONSTRAINT adjustments_decided_or_proposed CHECK ((((state = 'proposed'::text) = (decided_by IS NULL)) AND ((decided_by IS NULL) = (decided_at IS NULL)))),
    CONSTRAINT adjustments_four_eyes CHECK (((decided_by IS NULL) OR (decided_by <> proposed_by))),
    CONSTRAINT adjustments_id_shape CHECK ((id ~ '^adj-[0-9a-f]{32}$'::text)),
    CONSTRAINT adjustments_posted_has_its_operation CHECK ((((state = 'posted'::text) = (op_key IS NOT NULL)) AND ((op_key IS NULL) OR (op_key = id)))),
    CONSTRAINT adjustments_reason_not_empty CHECK ((reason <> ''::text)),
    CONSTRAINT adjustments_round_is_whole CHECK ((((provider IS NULL) = (round_id IS NULL)) AND ((provider IS NULL) = (side IS NULL)) AND ((side IS NULL) OR (side = ANY (ARRAY['stake'::text, 'payout'::text]))) AND (provider IS DISTINCT FROM 'tieout'::text))),
    CONSTRAINT adjustments_state_known CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'rejected'::text, 'posted'::text]))),
    CONSTRAINT adjustments_two_people CHECK (are_two_people(proposed_eyes, decided_eyes))
);
ALTER TABLE ONLY adjustments
    ADD CONSTRAINT adjustments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY adjustments
    ADD CONSTRAINT adjustments_player_currency_fkey FOREIGN KEY (player, currency) REFERENCES wallets(player, currency);
CREATE INDEX adjustments_by_break ON adjustments (break_id) WHERE (break_id IS NOT NULL);
CREATE INDEX adjustments_by_round ON adjustments (provider, round_id) WHERE (round_id IS NOT NULL);
CREATE INDEX adjustments_by_time ON adjustments (proposed_at);
CREATE INDEX adjustments_pending ON adjustments (proposed_at) WHERE (state = ANY (ARRAY['proposed'::text, 'approved'::text]));
CREATE TRIGGER adjustments_eyes BEFORE INSERT OR UPDATE ON adjustments FOR EACH ROW EXECUTE FUNCTION keep_eyes();
CREATE TRIGGER adjustments_never_removed BEFORE DELETE OR TRUNCATE ON adjustments FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER adjustments_states BEFORE UPDATE ON adjustments FOR EACH ROW EXECUTE FUNCTION adjustments_must_follow_their_states();
CREATE TRIGGER adjustments_suit_their_break BEFORE UPDATE ON adjustments FOR EACH ROW WHEN (((new.break_id IS NOT NULL) AND (old.state = 'proposed'::text) AND (new.state = 'approved'::text))) EXECUTE FUNCTION adjustments_must_suit_their_break();
CREATE TRIGGER adjustments_tried BEFORE UPDATE ON adjustments FOR EACH ROW WHEN (((new.break_id IS NOT NULL) AND (old.state = 'proposed'::text) AND (new.state = 'approved'::text))) EXECUTE FUNCTION adjustments_must_be_tried('proposed');
CREATE CONSTRAINT TRIGGER adjustments_tried_again AFTER UPDATE ON adjustments DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((new.break_id IS NOT NULL) AND (old.state = 'proposed'::text) AND (new.state = 'approved'::text))) EXECUTE FUNCTION adjustments_must_be_tried('approved');

CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);
ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

CREATE TABLE api_requests (
    person_id bigint NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    claim text NOT NULL,
    started_at timestamptz NOT NULL,
    performed_at timestamptz,
    status integer,
    etag text,
    answer bytea,
    CONSTRAINT api_requests_answered_whole CHECK (((status IS NULL) = (answer IS NULL))),
    CONSTRAINT api_requests_fingerprint_shape CHECK ((fingerprint ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT api_requests_key_length CHECK (((length(key) >= 1) AND (length(key) <= 255)))
);
ALTER TABLE ONLY api_requests
    ADD CONSTRAINT api_requests_pkey PRIMARY KEY (person_id, key);
ALTER TABLE ONLY api_requests
    ADD CONSTRAINT api_requests_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id);
CREATE INDEX api_requests_by_start ON api_requests (started_at);

CREATE TABLE api_tokens (
    token_id text NOT NULL,
    token_hash text NOT NULL,
    person_id bigint NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    CONSTRAINT api_tokens_expire CHECK ((expires_at > made_at)),
    CONSTRAINT api_tokens_hash_shape CHECK ((token_hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT api_tokens_have_scopes CHECK ((cardinality(scopes) > 0)),
    CONSTRAINT api_tokens_id_shape CHECK ((token_id ~ '^tok-[0-9a-f]{20}$'::text)),
    CONSTRAINT api_tokens_named CHECK (((name <> ''::text) AND (length(name) <= 80))),
    CONSTRAINT api_tokens_revoked_by CHECK (((revoked_at IS NULL) = (revoked_by IS NULL)))
);
ALTER TABLE ONLY api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (token_id);
ALTER TABLE ONLY api_tokens
    ADD CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY api_tokens
    ADD CONSTRAINT api_tokens_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id);
CREATE INDEX api_tokens_by_person ON api_tokens (person_id, made_at);

CREATE TABLE archive_releases (
    release_id text NOT NULL,
    archive_id text NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    proposed_eyes text[],
    decided_eyes text[],
    let_go_at timestamptz,
    what text DEFAULT 'bytes'::text NOT NULL,
    CONSTRAINT archive_releases_decided_or_proposed CHECK ((((state = 'proposed'::text) = (decided_by IS NULL)) AND ((decided_by IS NULL) = (decided_at IS NULL)))),
    CONSTRAINT archive_releases_four_eyes CHECK ((decided_by <> proposed_by)),
    CONSTRAINT archive_releases_id_shape CHECK ((release_id ~ '^rel-[0-9a-f]{32}$'::text)),
    CONSTRAINT archive_releases_let_go_once_approved CHECK (((let_go_at IS NULL) OR (state = 'approved'::text))),
    CONSTRAINT archive_releases_reason_not_empty CHECK ((reason <> ''::text)),
    CONSTRAINT archive_releases_state_known CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'rejected'::text]))),
    CONSTRAINT archive_releases_two_people CHECK (are_two_people(proposed_eyes, decided_eyes)),
    CONSTRAINT archive_releases_what_known CHECK ((what = ANY (ARRAY['bytes'::text, 'rows'::text])))
);
ALTER TABLE ONLY archive_releases
    ADD CONSTRAINT archive_releases_pkey PRIMARY KEY (release_id);
ALTER TABLE ONLY archive_releases
    ADD CONSTRAINT archive_releases_archive_id_fkey FOREIGN KEY (archive_id) REFERENCES archives(archive_id);
CREATE UNIQUE INDEX archive_releases_one_each ON archive_releases (archive_id, what) WHERE (state <> 'rejected'::text);
CREATE TRIGGER archive_releases_eyes BEFORE INSERT OR UPDATE ON archive_releases FOR EACH ROW EXECUTE FUNCTION keep_eyes();
CREATE TRIGGER archive_releases_follow BEFORE INSERT OR UPDATE ON archive_releases FOR EACH ROW EXECUTE FUNCTION archive_releases_must_follow();
CREATE TRIGGER archive_releases_never_removed BEFORE DELETE OR TRUNCATE ON archive_releases FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE archive_supplements (
    archive_id text NOT NULL,
    number integer NOT NULL,
    manifest_hash text NOT NULL,
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    written_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT archive_supplements_hash_shape CHECK ((manifest_hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT archive_supplements_not_empty CHECK (((rows > 0) AND (bytes > 0))),
    CONSTRAINT archive_supplements_number_positive CHECK ((number > 0))
);
ALTER TABLE ONLY archive_supplements
    ADD CONSTRAINT archive_supplements_pkey PRIMARY KEY (archive_id, number);
ALTER TABLE ONLY archive_supplements
    ADD CONSTRAINT archive_supplements_archive_id_fkey FOREIGN KEY (archive_id) REFERENCES archives(archive_id);
CREATE TRIGGER archive_supplements_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON archive_supplements FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER archive_supplements_follow BEFORE INSERT ON archive_supplements FOR EACH ROW EXECUTE FUNCTION archive_supplements_must_follow();

CREATE TABLE archived_files (
    file_id bigint NOT NULL,
    archive_id text NOT NULL,
    number integer NOT NULL,
    left_at timestamptz DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE ONLY archived_files
    ADD CONSTRAINT archived_files_pkey PRIMARY KEY (file_id);
ALTER TABLE ONLY archived_files
    ADD CONSTRAINT archived_files_are_in_a_supplement FOREIGN KEY (archive_id, number) REFERENCES archive_supplements(archive_id, number);
ALTER TABLE ONLY archived_files
    ADD CONSTRAINT archived_files_file_id_fkey FOREIGN KEY (file_id) REFERENCES feed_files(file_id);
CREATE TRIGGER archived_files_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON archived_files FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE archived_keys (
    first_hash bigint NOT NULL,
    hashes bigint[] NOT NULL,
    days smallint[] NOT NULL,
    CONSTRAINT archived_keys_begin_with_their_first CHECK ((hashes[1] = first_hash)),
    CONSTRAINT archived_keys_have_a_day_each CHECK ((cardinality(hashes) = cardinality(days)))
);
ALTER TABLE ONLY archived_keys ALTER COLUMN hashes SET STORAGE PLAIN;
ALTER TABLE ONLY archived_keys ALTER COLUMN days SET STORAGE PLAIN;
ALTER TABLE ONLY archived_keys
    ADD CONSTRAINT archived_keys_pkey PRIMARY KEY (first_hash);
CREATE TRIGGER archived_keys_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON archived_keys FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER archived_keys_counted BEFORE DELETE ON archived_keys FOR EACH STATEMENT EXECUTE FUNCTION packed_hashes_must_be_counted();

CREATE TABLE archived_records (
    first_hash bigint NOT NULL,
    hashes bigint[] NOT NULL,
    contents bigint[] NOT NULL,
    months smallint[] NOT NULL,
    CONSTRAINT archived_records_are_even CHECK (((cardinality(hashes) = cardinality(contents)) AND (cardinality(hashes) = cardinality(months)))),
    CONSTRAINT archived_records_begin_with_their_first CHECK ((hashes[1] = first_hash))
);
ALTER TABLE ONLY archived_records ALTER COLUMN hashes SET STORAGE PLAIN;
ALTER TABLE ONLY archived_records ALTER COLUMN contents SET STORAGE PLAIN;
ALTER TABLE ONLY archived_records ALTER COLUMN months SET STORAGE PLAIN;
ALTER TABLE ONLY archived_records
    ADD CONSTRAINT archived_records_pkey PRIMARY KEY (first_hash);
CREATE TRIGGER archived_records_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON archived_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER archived_records_counted BEFORE DELETE ON archived_records FOR EACH STATEMENT EXECUTE FUNCTION packed_hashes_must_be_counted();

CREATE UNLOGGED TABLE archived_row_digests (
    digest bytea NOT NULL
);
ALTER TABLE ONLY archived_row_digests
    ADD CONSTRAINT archived_row_digests_pkey PRIMARY KEY (digest);

CREATE TABLE archived_row_months (
    month date NOT NULL,
    at timestamptz NOT NULL,
    operations bigint DEFAULT 0 NOT NULL,
    rounds bigint DEFAULT 0 NOT NULL,
    begun_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    let_go_at timestamptz,
    CONSTRAINT archived_row_months_end_with_their_month CHECK ((at = ((month + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))
);
ALTER TABLE ONLY archived_row_months
    ADD CONSTRAINT archived_row_months_pkey PRIMARY KEY (month);
ALTER TABLE ONLY archived_row_months
    ADD CONSTRAINT archived_row_months_month_fkey FOREIGN KEY (month) REFERENCES archives(month);
CREATE TRIGGER archived_row_months_follow BEFORE INSERT OR UPDATE ON archived_row_months FOR EACH ROW EXECUTE FUNCTION archived_row_months_must_follow();
CREATE TRIGGER archived_row_months_never_removed BEFORE DELETE OR TRUNCATE ON archived_row_months FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE archived_totals (
    month date NOT NULL,
    account account_kind NOT NULL,
    provider text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    entries bigint NOT NULL,
    CONSTRAINT archived_totals_have_entries CHECK ((entries > 0))
);
ALTER TABLE ONLY archived_totals
    ADD CONSTRAINT archived_totals_pkey PRIMARY KEY (month, account, provider, currency);
CREATE TRIGGER archived_totals_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON archived_totals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER archived_totals_only_grow BEFORE UPDATE ON archived_totals FOR EACH ROW WHEN ((((old.month <> new.month) OR (old.account <> new.account) OR (old.provider <> new.provider) OR (old.currency <> new.currency)) OR (new.entries <= old.entries))) EXECUTE FUNCTION archived_totals_only_grow();

CREATE TABLE archives (
    archive_id text NOT NULL,
    month date NOT NULL,
    location text NOT NULL,
    manifest_hash text NOT NULL,
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    exported_by text NOT NULL,
    exported_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT archives_counts_not_negative CHECK (((rows >= 0) AND (bytes >= 0))),
    CONSTRAINT archives_hash_shape CHECK ((manifest_hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT archives_location_not_empty CHECK ((location <> ''::text)),
    CONSTRAINT archives_named_after_their_month CHECK (((archive_id = ('arc-'::text || to_char((month)::timestamptz, 'YYYY-MM'::text))) AND (EXTRACT(day FROM month) = (1)::numeric)))
);
ALTER TABLE ONLY archives
    ADD CONSTRAINT archives_month_key UNIQUE (month);
ALTER TABLE ONLY archives
    ADD CONSTRAINT archives_pkey PRIMARY KEY (archive_id);
CREATE TRIGGER archives_follow BEFORE INSERT OR UPDATE ON archives FOR EACH ROW EXECUTE FUNCTION archives_must_follow();
CREATE TRIGGER archives_never_removed BEFORE DELETE OR TRUNCATE ON archives FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE audit (
    audit_id bigint NOT NULL,
    at timestamptz DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    person_id bigint,
    acting_id bigint,
    CONSTRAINT audit_acting_for_a_person CHECK (((person_id IS NULL) = (acting_id IS NULL))),
    CONSTRAINT audit_action_not_empty CHECK ((action <> ''::text)),
    CONSTRAINT audit_actor_not_empty CHECK ((actor <> ''::text)),
    CONSTRAINT audit_detail_is_object CHECK ((jsonb_typeof(detail) = 'object'::text))
);
ALTER TABLE audit ALTER COLUMN audit_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME audit_audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (audit_id);
ALTER TABLE ONLY audit
    ADD CONSTRAINT audit_acting_id_fkey FOREIGN KEY (acting_id) REFERENCES people(person_id);
ALTER TABLE ONLY audit
    ADD CONSTRAINT audit_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id);
CREATE INDEX audit_by_action ON audit (action, at, audit_id);
CREATE INDEX audit_by_actor ON audit (actor, at, audit_id);
CREATE INDEX audit_by_subject ON audit (subject, audit_id);
CREATE INDEX audit_by_time ON audit (at, audit_id);
CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_names_people BEFORE INSERT ON audit FOR EACH ROW WHEN ((current_setting('tieout.person'::text, true) <> ''::text)) EXECUTE FUNCTION audit_names_people();

CREATE TABLE batches (
    batch_id bigint NOT NULL,
    committed_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    operations integer NOT NULL,
    posted_at timestamptz,
    parked_at timestamptz,
    session_id bigint,
    answered_through bigint,
    entries_at timestamptz
);
ALTER TABLE batches ALTER COLUMN batch_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME batches_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (batch_id);
CREATE INDEX batches_by_session ON batches (session_id, batch_id) WHERE (session_id IS NOT NULL);
CREATE INDEX batches_by_time ON batches USING brin (committed_at);
CREATE INDEX batches_parked ON batches (batch_id) WHERE ((posted_at IS NULL) AND (parked_at IS NOT NULL));
CREATE INDEX batches_unposted ON batches (batch_id) WHERE ((posted_at IS NULL) AND (parked_at IS NULL));
CREATE TRIGGER batches_entries_leave_once BEFORE UPDATE OF entries_at ON batches FOR EACH ROW EXECUTE FUNCTION batches_entries_leave_once();
CREATE TRIGGER batches_keep_evidence BEFORE DELETE OR UPDATE OF batch_id, committed_at, operations, session_id, answered_through OR TRUNCATE ON batches FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE break_files (
    note_id bigint NOT NULL,
    media_type text NOT NULL,
    content bytea NOT NULL
);
ALTER TABLE ONLY break_files
    ADD CONSTRAINT break_files_pkey PRIMARY KEY (note_id);
ALTER TABLE ONLY break_files
    ADD CONSTRAINT break_files_note_id_fkey FOREIGN KEY (note_id) REFERENCES break_notes(note_id);
CREATE TRIGGER break_files_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON break_files FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER break_files_suit BEFORE INSERT ON break_files FOR EACH ROW EXECUTE FUNCTION break_files_must_suit();

CREATE TABLE break_mentions (
    note_id bigint NOT NULL,
    person_id bigint NOT NULL,
    break_id text NOT NULL,
    read_at timestamptz
);
ALTER TABLE ONLY break_mentions
    ADD CONSTRAINT break_mentions_pkey PRIMARY KEY (note_id, person_id);
ALTER TABLE ONLY break_mentions
    ADD CONSTRAINT break_mentions_break_id_fkey FOREIGN KEY (break_id) REFERENCES breaks(break_id);
ALTER TABLE ONLY break_mentions
    ADD CONSTRAINT break_mentions_note_id_fkey FOREIGN KEY (note_id) REFERENCES break_notes(note_id);
ALTER TABLE ONLY break_mentions
    ADD CONSTRAINT break_mentions_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id);
CREATE INDEX break_mentions_unread ON break_mentions (person_id, break_id) WHERE (read_at IS NULL);

CREATE TABLE break_notes (
    note_id bigint NOT NULL,
    break_id text NOT NULL,
    at timestamptz NOT NULL,
    author text NOT NULL,
    kind text NOT NULL,
    body text NOT NULL,
    digest text,
    size bigint,
    CONSTRAINT break_notes_digest_shape CHECK (((digest ~ '^[0-9a-f]{64}$'::text) AND ((digest IS NULL) = (size IS NULL)) AND (size >= 0))),
    CONSTRAINT break_notes_file_has_digest CHECK (((kind <> 'file'::text) OR (digest IS NOT NULL))),
    CONSTRAINT break_notes_kind_known CHECK ((kind = ANY (ARRAY['comment'::text, 'text'::text, 'file'::text, 'link'::text, 'detail'::text]))),
    CONSTRAINT break_notes_say_something CHECK (((author <> ''::text) AND (body <> ''::text)))
);
ALTER TABLE break_notes ALTER COLUMN note_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME break_notes_note_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY break_notes
    ADD CONSTRAINT break_notes_pkey PRIMARY KEY (note_id);
ALTER TABLE ONLY break_notes
    ADD CONSTRAINT break_notes_break_id_fkey FOREIGN KEY (break_id) REFERENCES breaks(break_id);
CREATE INDEX break_notes_by_break ON break_notes (break_id, note_id);
CREATE TRIGGER break_notes_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON break_notes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE break_transitions (
    before text NOT NULL,
    after text NOT NULL
);
ALTER TABLE ONLY break_transitions
    ADD CONSTRAINT break_transitions_pkey PRIMARY KEY (before, after);
CREATE TRIGGER break_transitions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON break_transitions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE break_workflows (
    break_id text NOT NULL,
    state text NOT NULL,
    assignee text,
    since timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    reopened integer DEFAULT 0 NOT NULL,
    settled bigint,
    answer text,
    CONSTRAINT break_workflows_answer_known CHECK ((answer = ANY (ARRAY['confirmed'::text, 'unknown'::text, 'failed'::text]))),
    CONSTRAINT break_workflows_assigned_to_somebody CHECK (((assignee <> ''::text) AND ((state <> 'assigned'::text) OR (assignee IS NOT NULL)))),
    CONSTRAINT break_workflows_reopened_not_negative CHECK ((reopened >= 0)),
    CONSTRAINT break_workflows_settled_by_a_person CHECK ((((state <> ALL (ARRAY['explained'::text, 'written_off'::text])) OR (settled IS NOT NULL)) AND ((settled IS NULL) OR (state = ANY (ARRAY['explained'::text, 'written_off'::text, 'closed'::text]))))),
    CONSTRAINT break_workflows_state_known CHECK ((state = ANY (ARRAY['open'::text, 'assigned'::text, 'explained'::text, 'waiting'::text, 'adjustment_proposed'::text, 'approved'::text, 'posted'::text, 'write_off_proposed'::text, 'written_off'::text, 'closed'::text])))
);
ALTER TABLE ONLY break_workflows
    ADD CONSTRAINT break_workflows_pkey PRIMARY KEY (break_id);
ALTER TABLE ONLY break_workflows
    ADD CONSTRAINT break_workflows_break_id_fkey FOREIGN KEY (break_id) REFERENCES breaks(break_id);
CREATE INDEX break_workflows_approved ON break_workflows (since) WHERE (state = 'approved'::text);
CREATE INDEX break_workflows_by_opening ON break_workflows (opened_at) WHERE (state <> 'closed'::text);
CREATE INDEX break_workflows_unfinished ON break_workflows (state, break_id) WHERE (state <> 'closed'::text);
CREATE INDEX break_workflows_written_off ON break_workflows (break_id) WHERE ((state = 'closed'::text) AND (settled IS NOT NULL));
CREATE TRIGGER break_workflows_change_lists AFTER UPDATE ON break_workflows REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION break_workflows_change_lists();
CREATE TRIGGER break_workflows_list_breaks AFTER INSERT ON break_workflows REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION break_workflows_list_breaks();
CREATE TRIGGER break_workflows_mark_days_on_update AFTER UPDATE ON break_workflows REFERENCING OLD TABLE AS was NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION break_workflows_mark_days_on_update();
CREATE TRIGGER break_workflows_never_removed BEFORE DELETE OR TRUNCATE ON break_workflows FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER break_workflows_transitions BEFORE UPDATE ON break_workflows FOR EACH ROW WHEN (((old.state <> new.state) OR (old.break_id <> new.break_id) OR (new.reopened < old.reopened))) EXECUTE FUNCTION break_workflows_must_follow_transitions();
CREATE TRIGGER break_workflows_write_offs BEFORE UPDATE ON break_workflows FOR EACH ROW WHEN (((old.state <> new.state) AND (('written_off'::text = old.state) OR ('written_off'::text = new.state)))) EXECUTE FUNCTION break_workflows_must_suit_write_offs();

CREATE TABLE breaks (
    break_id text NOT NULL,
    run_id text NOT NULL,
    provider text NOT NULL,
    kind text NOT NULL,
    impact text NOT NULL,
    player text,
    currency text NOT NULL,
    round_id text NOT NULL,
    match_key bigint NOT NULL,
    ours jsonb,
    theirs jsonb,
    difference bigint NOT NULL,
    explanation text NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    cleared_at timestamptz,
    began_at timestamptz,
    subject text DEFAULT ''::text NOT NULL,
    alias text DEFAULT ''::text NOT NULL,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    words text GENERATED ALWAYS AS (lower((((((((break_id || ' '::text) || round_id) || ' '::text) || alias) || ' '::text) || COALESCE((player || ' '::text), ''::text)) || explanation))) STORED NOT NULL,
    games text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT breaks_impact_check CHECK ((impact = ANY (ARRAY['player_owed'::text, 'operator_owed'::text, 'none'::text]))),
    CONSTRAINT breaks_kind_known CHECK ((kind = ANY (ARRAY['id_spelling'::text, 'missing_in_ledger'::text, 'missing_at_provider'::text, 'unanswered_operation'::text, 'currency_mismatch'::text, 'ambiguous_match'::text, 'status_mismatch'::text, 'stake_mismatch'::text, 'payout_mismatch'::text, 'duplicate_at_provider'::text, 'duplicate_in_ledger'::text, 'player_mismatch'::text, 'arithmetic_error'::text, 'round_total_mismatch'::text, 'late_original'::text, 'orphan_rollback'::text, 'idempotency_conflict'::text, 'delivery_missing'::text, 'delivery_disputed'::text, 'open_round_overdue'::text, 'balance_chain_gap'::text, 'negative_balance'::text, 'unparsable_record'::text, 'restated_after_close'::text])))
);
ALTER TABLE ONLY breaks
    ADD CONSTRAINT breaks_pkey PRIMARY KEY (break_id);
ALTER TABLE ONLY breaks
    ADD CONSTRAINT breaks_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs(run_id);
CREATE INDEX breaks_by_amount ON breaks (currency, difference);
CREATE INDEX breaks_by_clearing ON breaks (provider, cleared_at) WHERE (cleared_at IS NOT NULL);
CREATE INDEX breaks_by_first_seen ON breaks (provider, first_seen);
CREATE INDEX breaks_by_provider_day ON breaks (provider, COALESCE(began_at, first_seen));
CREATE INDEX breaks_by_round ON breaks (match_key);
CREATE INDEX breaks_by_run ON breaks (run_id);
CREATE INDEX breaks_open ON breaks (provider, kind) WHERE (cleared_at IS NULL);
CREATE TRIGGER breaks_change_lists AFTER UPDATE ON breaks REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION breaks_change_lists();
CREATE TRIGGER breaks_keep_evidence BEFORE DELETE OR UPDATE OF break_id, provider, first_seen OR TRUNCATE ON breaks FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER breaks_mark_days_on_insert AFTER INSERT ON breaks REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION breaks_mark_days_on_insert();
CREATE TRIGGER breaks_mark_days_on_update AFTER UPDATE ON breaks REFERENCING OLD TABLE AS was NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION breaks_mark_days_on_update();
CREATE TRIGGER breaks_name_games BEFORE INSERT OR UPDATE OF last_seen ON breaks FOR EACH ROW EXECUTE FUNCTION breaks_name_games();
CREATE TRIGGER breaks_start_workflow AFTER INSERT ON breaks REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION breaks_start_workflow();

CREATE TABLE canaries (
    queue text NOT NULL,
    number bigint NOT NULL,
    sent_at timestamptz NOT NULL,
    passed bigint DEFAULT 0 NOT NULL,
    passed_at timestamptz,
    passed_by text,
    CONSTRAINT canaries_pass_after_they_are_sent CHECK ((passed <= number))
);
ALTER TABLE ONLY canaries
    ADD CONSTRAINT canaries_pkey PRIMARY KEY (queue);

CREATE TABLE checkpoints (
    wallet_id bigint NOT NULL,
    as_of timestamptz NOT NULL,
    wallet_seq bigint NOT NULL,
    balance bigint NOT NULL,
    taken_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT checkpoints_seq_positive CHECK ((wallet_seq > 0))
);
ALTER TABLE ONLY checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (wallet_id, as_of);
ALTER TABLE ONLY checkpoints
    ADD CONSTRAINT checkpoints_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets(wallet_id);
CREATE TRIGGER checkpoints_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE console_sessions (
    session_hash text NOT NULL,
    person_id bigint NOT NULL,
    begun_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT console_sessions_expire CHECK ((expires_at > begun_at)),
    CONSTRAINT console_sessions_hash_shape CHECK ((session_hash ~ '^[0-9a-f]{64}$'::text))
);
ALTER TABLE ONLY console_sessions
    ADD CONSTRAINT console_sessions_pkey PRIMARY KEY (session_hash);
ALTER TABLE ONLY console_sessions
    ADD CONSTRAINT console_sessions_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id);
CREATE INDEX console_sessions_by_person ON console_sessions (person_id) WHERE (ended_at IS NULL);

CREATE TABLE correction_trials (
    trial_id bigint NOT NULL,
    break_id text NOT NULL,
    phase text NOT NULL,
    tried_at timestamptz NOT NULL,
    overruled text[] NOT NULL,
    adjustments text[] NOT NULL,
    answer jsonb NOT NULL,
    CONSTRAINT correction_trials_of_proposals CHECK ((cardinality(adjustments) > 0)),
    CONSTRAINT correction_trials_phase_known CHECK ((phase = ANY (ARRAY['proposed'::text, 'approved'::text])))
);
ALTER TABLE correction_trials ALTER COLUMN trial_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME correction_trials_trial_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY correction_trials
    ADD CONSTRAINT correction_trials_pkey PRIMARY KEY (trial_id);
ALTER TABLE ONLY correction_trials
    ADD CONSTRAINT correction_trials_break_id_fkey FOREIGN KEY (break_id) REFERENCES breaks(break_id);
CREATE INDEX correction_trials_by_break ON correction_trials (break_id, trial_id);
CREATE TRIGGER correction_trials_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON correction_trials FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE day_amounts (
    day_id bigint NOT NULL,
    side text NOT NULL,
    currency text NOT NULL,
    bucket bigint NOT NULL,
    places bigint[] NOT NULL,
    CONSTRAINT day_amounts_side_check CHECK ((side = ANY (ARRAY['ours'::text, 'theirs'::text])))
);
ALTER TABLE ONLY day_amounts
    ADD CONSTRAINT day_amounts_pkey PRIMARY KEY (day_id, side, currency, bucket);
ALTER TABLE ONLY day_amounts
    ADD CONSTRAINT day_amounts_day_id_fkey FOREIGN KEY (day_id) REFERENCES summed_days(day_id);

CREATE TABLE day_changes (
    day_id bigint NOT NULL,
    changed xid8 DEFAULT pg_current_xact_id() NOT NULL,
    of_breaks boolean NOT NULL
);
CREATE INDEX day_changes_by_day ON day_changes (day_id);

CREATE TABLE day_closes (
    provider text NOT NULL,
    business_day date NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    closed_at timestamptz NOT NULL,
    close_no bigint NOT NULL,
    run_id text,
    records bigint NOT NULL,
    digest bytea NOT NULL,
    reason text,
    closed_by text,
    CONSTRAINT day_closes_closed_by_somebody CHECK ((closed_by <> ''::text)),
    CONSTRAINT day_closes_day_has_length CHECK ((starts_at < ends_at)),
    CONSTRAINT day_closes_reason_not_empty CHECK ((reason <> ''::text))
);
ALTER TABLE ONLY day_closes
    ADD CONSTRAINT day_closes_pkey PRIMARY KEY (provider, business_day);
CREATE INDEX day_closes_by_time ON day_closes (provider, starts_at, ends_at);
CREATE TRIGGER day_closes_follow BEFORE INSERT OR UPDATE ON day_closes FOR EACH ROW EXECUTE FUNCTION day_closes_must_follow();
CREATE TRIGGER day_closes_keep_evidence BEFORE DELETE OR UPDATE OF provider, business_day OR TRUNCATE ON day_closes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE day_figures (
    day_id bigint NOT NULL,
    by_game boolean NOT NULL,
    side text NOT NULL,
    game text NOT NULL,
    currency text NOT NULL,
    rounds bigint NOT NULL,
    bets bigint NOT NULL,
    wins bigint NOT NULL,
    rollbacks bigint NOT NULL,
    stake bigint NOT NULL,
    payout bigint NOT NULL,
    CONSTRAINT day_figures_check CHECK ((by_game OR (game = ''::text))),
    CONSTRAINT day_figures_side_check CHECK ((side = ANY (ARRAY['ours'::text, 'theirs'::text])))
);
ALTER TABLE ONLY day_figures
    ADD CONSTRAINT day_figures_pkey PRIMARY KEY (day_id, by_game, side, game, currency);
ALTER TABLE ONLY day_figures
    ADD CONSTRAINT day_figures_day_id_fkey FOREIGN KEY (day_id) REFERENCES summed_days(day_id);

CREATE TABLE day_steps (
    step_id bigint NOT NULL,
    provider text NOT NULL,
    business_day date NOT NULL,
    number integer NOT NULL,
    action text NOT NULL,
    by_name text NOT NULL,
    eyes text[] NOT NULL,
    at timestamptz DEFAULT clock_timestamp() NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    two_people boolean NOT NULL,
    close_no bigint NOT NULL,
    run_id text,
    seal text,
    figures jsonb NOT NULL,
    CONSTRAINT day_steps_action_known CHECK ((action = ANY (ARRAY['prepared'::text, 'signed'::text, 'reopened'::text]))),
    CONSTRAINT day_steps_reopened_for_a_reason CHECK (((action <> 'reopened'::text) OR (reason <> ''::text)))
);
ALTER TABLE day_steps ALTER COLUMN step_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME day_steps_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY day_steps
    ADD CONSTRAINT day_steps_once UNIQUE (provider, business_day, number);
ALTER TABLE ONLY day_steps
    ADD CONSTRAINT day_steps_pkey PRIMARY KEY (step_id);
ALTER TABLE ONLY day_steps
    ADD CONSTRAINT day_steps_provider_business_day_fkey FOREIGN KEY (provider, business_day) REFERENCES day_closes(provider, business_day);
CREATE TRIGGER day_steps_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON day_steps FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER day_steps_follow BEFORE INSERT ON day_steps FOR EACH ROW EXECUTE FUNCTION day_steps_must_follow();

CREATE TABLE day_unreported_rounds (
    day_id bigint NOT NULL,
    match_key bigint NOT NULL
);
ALTER TABLE ONLY day_unreported_rounds
    ADD CONSTRAINT day_unreported_rounds_pkey PRIMARY KEY (match_key, day_id);
ALTER TABLE ONLY day_unreported_rounds
    ADD CONSTRAINT day_unreported_rounds_day_id_fkey FOREIGN KEY (day_id) REFERENCES summed_days(day_id);
CREATE INDEX day_unreported_rounds_by_day ON day_unreported_rounds (day_id);

CREATE TABLE deliveries (
    delivery_id bigint NOT NULL,
    batch_id bigint NOT NULL,
    provider text NOT NULL,
    route text NOT NULL,
    op_key text,
    verdict text NOT NULL,
    headers text NOT NULL,
    body bytea NOT NULL,
    reply_status smallint NOT NULL,
    reply bytea NOT NULL,
    received_at timestamptz NOT NULL,
    ingested_at timestamptz,
    parked_at timestamptz
);
ALTER TABLE deliveries ALTER COLUMN delivery_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME deliveries_delivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (delivery_id);
CREATE INDEX deliveries_by_batch ON deliveries USING brin (batch_id);
CREATE INDEX deliveries_by_key ON deliveries (provider, op_key) WHERE (op_key IS NOT NULL);
CREATE INDEX deliveries_in_conflict ON deliveries (provider, received_at) WHERE (verdict = 'conflict'::text);
CREATE INDEX deliveries_to_ingest ON deliveries (delivery_id) WHERE ((verdict = ANY (ARRAY['recorded'::text, 'malformed'::text])) AND (ingested_at IS NULL) AND (parked_at IS NULL));
CREATE TRIGGER deliveries_bytes_may_only_go BEFORE UPDATE OF headers, body ON deliveries FOR EACH ROW EXECUTE FUNCTION bytes_may_only_go();
CREATE TRIGGER deliveries_keep_evidence BEFORE DELETE OR UPDATE OF delivery_id, batch_id, provider, route, op_key, verdict, headers, body, reply_status, reply, received_at OR TRUNCATE ON deliveries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER deliveries_may_only_leave AFTER DELETE ON deliveries REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION feed_rows_may_only_leave();

CREATE TABLE detail_answers (
    provider text NOT NULL,
    key text NOT NULL,
    verdict text NOT NULL,
    reason text NOT NULL,
    link text,
    digest text,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT detail_answers_expire_later CHECK ((expires_at >= asked_at)),
    CONSTRAINT detail_answers_verdict_known CHECK ((verdict = ANY (ARRAY['confirmed'::text, 'unknown'::text, 'failed'::text])))
);
ALTER TABLE ONLY detail_answers
    ADD CONSTRAINT detail_answers_pkey PRIMARY KEY (provider, key);
ALTER TABLE ONLY detail_answers
    ADD CONSTRAINT detail_answers_digest_fkey FOREIGN KEY (digest) REFERENCES detail_pages(digest);

CREATE TABLE detail_pages (
    digest text NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT detail_pages_digest_is_theirs CHECK ((digest = encode(sha256(content), 'hex'::text)))
);
ALTER TABLE ONLY detail_pages
    ADD CONSTRAINT detail_pages_pkey PRIMARY KEY (digest);
CREATE TRIGGER detail_pages_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON detail_pages FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE detail_rate_limits (
    provider text NOT NULL,
    next_at timestamptz NOT NULL
);
ALTER TABLE ONLY detail_rate_limits
    ADD CONSTRAINT detail_rate_limits_pkey PRIMARY KEY (provider);

CREATE TABLE detail_requests (
    request_id bigint NOT NULL,
    break_id text NOT NULL,
    provider text NOT NULL,
    key text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    refresh boolean NOT NULL,
    not_before timestamptz NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    done_at timestamptz,
    CONSTRAINT detail_requests_attempts_not_negative CHECK ((attempts >= 0)),
    CONSTRAINT detail_requests_requested_by_somebody CHECK (((requested_by <> ''::text) AND (key <> ''::text)))
);
ALTER TABLE detail_requests ALTER COLUMN request_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME detail_requests_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY detail_requests
    ADD CONSTRAINT detail_requests_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY detail_requests
    ADD CONSTRAINT detail_requests_break_id_fkey FOREIGN KEY (break_id) REFERENCES breaks(break_id);
CREATE UNIQUE INDEX detail_requests_once ON detail_requests (break_id) WHERE (done_at IS NULL);
CREATE INDEX detail_requests_waiting ON detail_requests (not_before, request_id) WHERE (done_at IS NULL);

CREATE TABLE dispute_answers (
    dispute_id text NOT NULL,
    line integer NOT NULL,
    answer text NOT NULL,
    reference text NOT NULL,
    comment text NOT NULL,
    file text NOT NULL,
    file_sha256 text NOT NULL,
    file_line integer NOT NULL,
    imported_by text NOT NULL,
    imported_at timestamptz NOT NULL,
    CONSTRAINT dispute_answers_by_somebody CHECK ((imported_by <> ''::text)),
    CONSTRAINT dispute_answers_known CHECK ((answer = ANY (ARRAY['accepted'::text, 'rejected'::text, 'will_restate'::text])))
);
ALTER TABLE ONLY dispute_answers
    ADD CONSTRAINT dispute_answers_pkey PRIMARY KEY (dispute_id, line);
ALTER TABLE ONLY dispute_answers
    ADD CONSTRAINT dispute_answers_of_a_line FOREIGN KEY (dispute_id, line) REFERENCES dispute_lines(dispute_id, line);
CREATE TRIGGER dispute_answers_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON dispute_answers FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE dispute_exports (
    provider text NOT NULL,
    number integer NOT NULL,
    dispute_id text NOT NULL,
    exported_by text NOT NULL,
    exported_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    document_sha256 text NOT NULL,
    pack_sha256 text NOT NULL,
    pack bytea NOT NULL,
    CONSTRAINT dispute_exports_by_somebody CHECK ((exported_by <> ''::text)),
    CONSTRAINT dispute_exports_due_later CHECK ((due_at > exported_at)),
    CONSTRAINT dispute_exports_hash_is_of_the_pack CHECK ((pack_sha256 = encode(sha256(pack), 'hex'::text))),
    CONSTRAINT dispute_exports_numbered CHECK ((number > 0))
);
ALTER TABLE ONLY dispute_exports
    ADD CONSTRAINT dispute_exports_pkey PRIMARY KEY (provider, number);
ALTER TABLE ONLY dispute_exports
    ADD CONSTRAINT dispute_exports_of_a_dispute FOREIGN KEY (dispute_id, provider) REFERENCES disputes(dispute_id, provider);
CREATE INDEX dispute_exports_by_dispute ON dispute_exports (dispute_id, number);
CREATE TRIGGER dispute_exports_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON dispute_exports FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE dispute_lines (
    dispute_id text NOT NULL,
    line integer NOT NULL,
    break_id text NOT NULL,
    round_id text NOT NULL,
    alias text DEFAULT ''::text NOT NULL,
    kind text NOT NULL,
    currency text NOT NULL,
    our_stake bigint,
    our_payout bigint,
    their_stake bigint,
    their_payout bigint,
    difference bigint NOT NULL,
    began_at timestamptz,
    CONSTRAINT dispute_lines_amounts_are_whole CHECK ((((our_stake IS NULL) = (our_payout IS NULL)) AND ((their_stake IS NULL) = (their_payout IS NULL)))),
    CONSTRAINT dispute_lines_have_money CHECK ((difference <> 0)),
    CONSTRAINT dispute_lines_numbered CHECK ((line > 0))
);
ALTER TABLE ONLY dispute_lines
    ADD CONSTRAINT dispute_lines_once UNIQUE (dispute_id, break_id);
ALTER TABLE ONLY dispute_lines
    ADD CONSTRAINT dispute_lines_pkey PRIMARY KEY (dispute_id, line);
ALTER TABLE ONLY dispute_lines
    ADD CONSTRAINT dispute_lines_break_id_fkey FOREIGN KEY (break_id) REFERENCES breaks(break_id);
ALTER TABLE ONLY dispute_lines
    ADD CONSTRAINT dispute_lines_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES disputes(dispute_id);
CREATE INDEX dispute_lines_by_break ON dispute_lines (break_id);
CREATE TRIGGER dispute_lines_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON dispute_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER dispute_lines_suit BEFORE INSERT ON dispute_lines FOR EACH ROW EXECUTE FUNCTION dispute_lines_must_suit();

CREATE TABLE disputes (
    dispute_id text NOT NULL,
    provider text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    opening_no bigint NOT NULL,
    CONSTRAINT disputes_id_shape CHECK ((dispute_id ~ '^dsp-[0-9a-f]{20}$'::text)),
    CONSTRAINT disputes_opened_by_somebody CHECK ((opened_by <> ''::text))
);
ALTER TABLE disputes ALTER COLUMN opening_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME disputes_opening_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY disputes
    ADD CONSTRAINT disputes_of_a_provider UNIQUE (dispute_id, provider);
ALTER TABLE ONLY disputes
    ADD CONSTRAINT disputes_pkey PRIMARY KEY (dispute_id);
CREATE INDEX disputes_by_provider ON disputes (provider, opened_at);
CREATE TRIGGER disputes_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON disputes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE entries (
    wallet_id bigint NOT NULL,
    wallet_seq bigint NOT NULL,
    leg smallint NOT NULL,
    account account_kind NOT NULL,
    provider text NOT NULL,
    match_key bigint NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    posted_at timestamptz DEFAULT transaction_timestamp() NOT NULL,
    CONSTRAINT entries_amount_not_zero CHECK ((amount <> 0))
);
ALTER TABLE ONLY entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (wallet_id, wallet_seq, leg);
CREATE TRIGGER entries_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_may_only_leave BEFORE DELETE ON entries FOR EACH ROW EXECUTE FUNCTION entries_may_only_leave();
CREATE TRIGGER entries_sum_to_zero AFTER INSERT ON entries REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION entries_must_sum_to_zero();

CREATE TABLE feed_file_parts (
    file_id bigint NOT NULL,
    part integer NOT NULL,
    bytes bytea NOT NULL
);
ALTER TABLE ONLY feed_file_parts
    ADD CONSTRAINT feed_file_parts_pkey PRIMARY KEY (file_id, part);
ALTER TABLE ONLY feed_file_parts
    ADD CONSTRAINT feed_file_parts_file_id_fkey FOREIGN KEY (file_id) REFERENCES feed_files(file_id);
CREATE TRIGGER feed_file_parts_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON feed_file_parts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_file_parts_may_only_leave AFTER DELETE ON feed_file_parts REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION feed_file_parts_may_only_leave();

CREATE TABLE feed_file_records (
    file_id bigint NOT NULL,
    record_id text NOT NULL,
    occurrence integer NOT NULL
);
ALTER TABLE ONLY feed_file_records
    ADD CONSTRAINT feed_file_records_pkey PRIMARY KEY (file_id, record_id, occurrence);
CREATE TRIGGER feed_file_records_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON feed_file_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_file_records_may_only_leave AFTER DELETE ON feed_file_records REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION feed_rows_may_only_leave();
CREATE TRIGGER feed_file_records_of_a_file AFTER INSERT ON feed_file_records REFERENCING NEW TABLE AS new_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_feed_file();

CREATE TABLE feed_files (
    file_id bigint NOT NULL,
    provider text NOT NULL,
    feed text NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    size bigint NOT NULL,
    received_at timestamptz NOT NULL,
    business_day date,
    number bigint,
    covers_from timestamptz,
    covers_to timestamptz,
    verdict text NOT NULL,
    records bigint NOT NULL,
    refused bigint NOT NULL,
    replaced_by bigint,
    CONSTRAINT feed_files_counts_not_negative CHECK (((records >= 0) AND (refused >= 0) AND (size >= 0))),
    CONSTRAINT feed_files_verdict CHECK ((verdict = ANY (ARRAY['imported'::text, 'partly'::text, 'quarantined'::text])))
);
ALTER TABLE feed_files ALTER COLUMN file_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME feed_files_file_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY feed_files
    ADD CONSTRAINT feed_files_once UNIQUE (provider, feed, digest);
ALTER TABLE ONLY feed_files
    ADD CONSTRAINT feed_files_pkey PRIMARY KEY (file_id);
ALTER TABLE ONLY feed_files
    ADD CONSTRAINT feed_files_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES feed_files(file_id);
CREATE INDEX feed_files_by_day ON feed_files (provider, feed, business_day);
CREATE INDEX feed_files_by_name ON feed_files (name);
CREATE TRIGGER feed_files_keep_evidence BEFORE DELETE OR UPDATE OF file_id, provider, feed, name, digest, size, received_at OR TRUNCATE ON feed_files FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE feed_findings (
    finding_id text NOT NULL,
    provider text NOT NULL,
    feed text NOT NULL,
    scope text NOT NULL,
    kind text NOT NULL,
    severity text NOT NULL,
    file text,
    line bigint,
    record_id text,
    round_id text,
    currency text,
    difference bigint,
    covers_from timestamptz,
    covers_to timestamptz,
    detail text NOT NULL,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by text,
    CONSTRAINT feed_findings_severity CHECK ((severity = ANY (ARRAY['error'::text, 'warning'::text])))
);
ALTER TABLE ONLY feed_findings
    ADD CONSTRAINT feed_findings_pkey PRIMARY KEY (finding_id);
CREATE INDEX feed_findings_by_scope ON feed_findings (provider, feed, scope);
CREATE INDEX feed_findings_open ON feed_findings (provider, feed, scope) WHERE (resolved_at IS NULL);
CREATE TRIGGER feed_findings_keep_evidence BEFORE DELETE OR UPDATE OF finding_id, provider, feed, scope, first_seen OR TRUNCATE ON feed_findings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE SEQUENCE feed_order
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE feed_pulls (
    pull_id bigint NOT NULL,
    provider text NOT NULL,
    feed text NOT NULL,
    window_from timestamptz NOT NULL,
    window_to timestamptz NOT NULL,
    whole boolean NOT NULL,
    received bigint NOT NULL,
    stored bigint NOT NULL,
    unreadable bigint NOT NULL,
    pulled_at timestamptz NOT NULL,
    CONSTRAINT feed_pulls_window CHECK ((window_from < window_to))
);
ALTER TABLE feed_pulls ALTER COLUMN pull_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME feed_pulls_pull_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY feed_pulls
    ADD CONSTRAINT feed_pulls_pkey PRIMARY KEY (pull_id);
CREATE INDEX feed_pulls_by_feed ON feed_pulls (provider, feed, window_to);
CREATE TRIGGER feed_pulls_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON feed_pulls FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE feed_records (
    created_at timestamptz NOT NULL,
    provider text NOT NULL,
    key_row bytea GENERATED ALWAYS AS ((((((int8send(match_key) || int8send(
CASE
    WHEN rolled_back THEN (0)::bigint
    ELSE stake
END)) || int8send(
CASE
    WHEN rolled_back THEN (0)::bigint
    ELSE payout
END)) || int8send(hashtextextended(handle, (0)::bigint))) || decode(rpad(currency, 8), 'escape'::text)) ||
CASE
    WHEN (continues OR (declared_net <> (payout - stake)) OR ((NOT rolled_back) AND (balance_after <> ((balance_before - stake) + payout)))) THEN '\x01'::bytea
    ELSE '\x00'::bytea
END)) STORED NOT NULL,
    match_key bigint NOT NULL,
    stake bigint NOT NULL,
    payout bigint NOT NULL,
    stored_no bigint DEFAULT nextval('feed_order'::regclass) NOT NULL,
    updated_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    occurrence integer DEFAULT 1 NOT NULL,
    rolled_back boolean NOT NULL,
    continues boolean DEFAULT false NOT NULL,
    currency text NOT NULL,
    record_id text NOT NULL,
    round_id text NOT NULL,
    handle text NOT NULL,
    source text NOT NULL,
    declared_net bigint,
    balance_before bigint,
    balance_after bigint,
    game text,
    CONSTRAINT feed_records_currency_fits CHECK ((octet_length(currency) <= 8)),
    CONSTRAINT feed_records_occurrence_positive CHECK ((occurrence > 0))
);
ALTER TABLE ONLY feed_records
    ADD CONSTRAINT feed_records_pkey PRIMARY KEY (provider, record_id, occurrence);
CREATE INDEX feed_records_by_order ON feed_records USING brin (stored_no);
CREATE INDEX feed_records_by_provider_time ON feed_records (provider, created_at);
CREATE INDEX feed_records_by_round ON feed_records (match_key);
CREATE INDEX feed_records_by_time ON feed_records USING brin (created_at);
CREATE INDEX feed_records_by_update ON feed_records USING brin (updated_at);
CREATE INDEX feed_records_continuing ON feed_records (provider, match_key) WHERE continues;
CREATE INDEX feed_records_rolled_back ON feed_records (provider, match_key, round_id, handle) WHERE rolled_back;
CREATE INDEX feed_records_taken_back ON feed_records (match_key) WHERE (rolled_back AND ((stake > 0) OR (payout > 0)));
CREATE INDEX feed_records_with_balance ON feed_records (provider, created_at) WHERE ((balance_before IS NOT NULL) AND (occurrence = 1) AND (NOT rolled_back));
CREATE TRIGGER feed_records_keep_superseded AFTER UPDATE ON feed_records REFERENCING OLD TABLE AS old_records NEW TABLE AS new_records FOR EACH STATEMENT EXECUTE FUNCTION keep_superseded_feed_record();
CREATE TRIGGER feed_records_mark_days_on_delete AFTER DELETE ON feed_records REFERENCING OLD TABLE AS was FOR EACH STATEMENT WHEN ((current_setting('tieout.letting_go'::text, true) IS DISTINCT FROM 'yes'::text)) EXECUTE FUNCTION feed_records_mark_days_on_delete();
CREATE TRIGGER feed_records_mark_days_on_insert AFTER INSERT ON feed_records REFERENCING NEW TABLE AS written FOR EACH STATEMENT WHEN ((current_setting('tieout.recalling'::text, true) IS DISTINCT FROM 'yes'::text)) EXECUTE FUNCTION feed_records_mark_days_on_insert();
CREATE TRIGGER feed_records_mark_days_on_update AFTER UPDATE ON feed_records REFERENCING OLD TABLE AS was NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION feed_records_mark_days_on_update();
CREATE TRIGGER feed_records_may_only_leave AFTER DELETE ON feed_records REFERENCING OLD TABLE AS gone FOR EACH STATEMENT WHEN ((current_setting('tieout.letting_go'::text, true) = 'yes'::text)) EXECUTE FUNCTION feed_rows_may_only_leave();
CREATE TRIGGER feed_records_never_emptied BEFORE TRUNCATE ON feed_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE feed_superseded (
    provider text NOT NULL,
    record_id text NOT NULL,
    occurrence integer NOT NULL,
    round_id text NOT NULL,
    handle text NOT NULL,
    currency text NOT NULL,
    stake bigint NOT NULL,
    payout bigint NOT NULL,
    rolled_back boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    stored_no bigint NOT NULL,
    superseded_no bigint NOT NULL
);
ALTER TABLE ONLY feed_superseded
    ADD CONSTRAINT feed_superseded_pkey PRIMARY KEY (provider, record_id, occurrence, superseded_no);
CREATE INDEX feed_superseded_by_order ON feed_superseded (provider, superseded_no);
CREATE TRIGGER feed_superseded_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON feed_superseded FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_superseded_may_only_leave AFTER DELETE ON feed_superseded REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION feed_rows_may_only_leave();

CREATE TABLE feed_versions (
    version_id bigint NOT NULL,
    provider text NOT NULL,
    record_id text NOT NULL,
    updated_at timestamptz NOT NULL,
    content bytea NOT NULL,
    raw bytea NOT NULL,
    source text NOT NULL,
    received_at timestamptz NOT NULL
);
ALTER TABLE feed_versions ALTER COLUMN version_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME feed_versions_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY feed_versions
    ADD CONSTRAINT feed_versions_once UNIQUE (provider, record_id, content);
ALTER TABLE ONLY feed_versions
    ADD CONSTRAINT feed_versions_pkey PRIMARY KEY (version_id);
CREATE TRIGGER feed_versions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON feed_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_versions_lines_may_only_go BEFORE UPDATE ON feed_versions FOR EACH ROW EXECUTE FUNCTION lines_may_only_go();
CREATE TRIGGER feed_versions_may_only_leave AFTER DELETE ON feed_versions REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION feed_rows_may_only_leave();

CREATE TABLE feed_watermarks (
    provider text NOT NULL,
    feed text NOT NULL,
    watermark timestamptz,
    pulled_at timestamptz NOT NULL,
    records bigint NOT NULL,
    CONSTRAINT feed_watermarks_records_not_negative CHECK ((records >= 0))
);
ALTER TABLE ONLY feed_watermarks
    ADD CONSTRAINT feed_watermarks_pkey PRIMARY KEY (provider, feed);

CREATE TABLE feed_withdrawals (
    withdrawal_id bigint NOT NULL,
    provider text NOT NULL,
    feed text NOT NULL,
    record_id text NOT NULL,
    occurrence integer NOT NULL,
    event text NOT NULL,
    round_id text NOT NULL,
    match_key bigint NOT NULL,
    handle text NOT NULL,
    currency text NOT NULL,
    stake bigint NOT NULL,
    payout bigint NOT NULL,
    rolled_back boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    source text NOT NULL,
    received_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    file_id bigint,
    changed_no bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT feed_withdrawals_event CHECK ((event = ANY (ARRAY['withdrawn'::text, 'restored'::text])))
);
ALTER TABLE feed_withdrawals ALTER COLUMN withdrawal_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME feed_withdrawals_withdrawal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY feed_withdrawals
    ADD CONSTRAINT feed_withdrawals_pkey PRIMARY KEY (withdrawal_id);
ALTER TABLE ONLY feed_withdrawals
    ADD CONSTRAINT feed_withdrawals_file_id_fkey FOREIGN KEY (file_id) REFERENCES feed_files(file_id);
CREATE INDEX feed_withdrawals_by_file ON feed_withdrawals (file_id);
CREATE INDEX feed_withdrawals_by_record ON feed_withdrawals (provider, record_id, occurrence, withdrawal_id);
CREATE INDEX feed_withdrawals_by_round ON feed_withdrawals (match_key);
CREATE TRIGGER feed_withdrawals_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON feed_withdrawals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE fund_requests (
    request_id text NOT NULL,
    operation_key text NOT NULL,
    document jsonb NOT NULL,
    player text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    reason text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    state text NOT NULL,
    decided_by text,
    decided_at timestamptz,
    proposed_eyes text[],
    decided_eyes text[],
    CONSTRAINT fund_requests_amount_not_zero CHECK ((amount <> 0)),
    CONSTRAINT fund_requests_decided_or_proposed CHECK ((((state = 'proposed'::text) = (decided_by IS NULL)) AND ((decided_by IS NULL) = (decided_at IS NULL)))),
    CONSTRAINT fund_requests_four_eyes CHECK ((decided_by <> proposed_by)),
    CONSTRAINT fund_requests_id_shape CHECK ((request_id ~ '^dep-[0-9a-f]{32}$'::text)),
    CONSTRAINT fund_requests_state_known CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'rejected'::text]))),
    CONSTRAINT fund_requests_texts_not_empty CHECK (((reason <> ''::text) AND (proposed_by <> ''::text))),
    CONSTRAINT fund_requests_two_people CHECK (are_two_people(proposed_eyes, decided_eyes))
);
ALTER TABLE ONLY fund_requests
    ADD CONSTRAINT fund_requests_operation_key_key UNIQUE (operation_key);
ALTER TABLE ONLY fund_requests
    ADD CONSTRAINT fund_requests_pkey PRIMARY KEY (request_id);
CREATE INDEX fund_requests_proposed ON fund_requests (proposed_at) WHERE (state = 'proposed'::text);
CREATE TRIGGER fund_requests_eyes BEFORE INSERT OR UPDATE ON fund_requests FOR EACH ROW EXECUTE FUNCTION keep_eyes();
CREATE TRIGGER fund_requests_follow BEFORE INSERT OR UPDATE ON fund_requests FOR EACH ROW EXECUTE FUNCTION fund_requests_must_follow();
CREATE TRIGGER fund_requests_never_removed BEFORE DELETE OR TRUNCATE ON fund_requests FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE handles (
    provider text NOT NULL,
    handle text NOT NULL,
    player text NOT NULL
);
ALTER TABLE ONLY handles
    ADD CONSTRAINT handles_pkey PRIMARY KEY (provider, handle);
ALTER TABLE ONLY handles
    ADD CONSTRAINT handles_player_fkey FOREIGN KEY (player) REFERENCES players(player);
CREATE INDEX handles_by_hash ON handles (provider, hashtextextended(handle, (0)::bigint));
CREATE INDEX handles_by_player ON handles (player);
CREATE TRIGGER handles_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON handles FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER handles_mark_days_on_insert AFTER INSERT ON handles REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION handles_mark_days_on_insert();

CREATE TABLE invoice_steps (
    invoice_id text NOT NULL,
    number integer NOT NULL,
    action text NOT NULL,
    by_name text NOT NULL,
    eyes text[] NOT NULL,
    at timestamptz DEFAULT clock_timestamp() NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    clean boolean,
    checked jsonb,
    paid_on date,
    reference text,
    CONSTRAINT invoice_steps_action_known CHECK ((action = ANY (ARRAY['received'::text, 'approved'::text, 'disputed'::text, 'paid'::text]))),
    CONSTRAINT invoice_steps_checked CHECK ((((action = ANY (ARRAY['received'::text, 'approved'::text])) = (clean IS NOT NULL)) AND ((clean IS NULL) = (checked IS NULL)))),
    CONSTRAINT invoice_steps_for_a_reason CHECK (((reason <> ''::text) OR (action = ANY (ARRAY['received'::text, 'paid'::text])) OR ((action = 'approved'::text) AND clean))),
    CONSTRAINT invoice_steps_paid_with_reference CHECK ((((action = 'paid'::text) = (paid_on IS NOT NULL)) AND ((action = 'paid'::text) = (reference IS NOT NULL)) AND (reference <> ''::text)))
);
ALTER TABLE ONLY invoice_steps
    ADD CONSTRAINT invoice_steps_pkey PRIMARY KEY (invoice_id, number);
ALTER TABLE ONLY invoice_steps
    ADD CONSTRAINT invoice_steps_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices(invoice_id);
CREATE TRIGGER invoice_steps_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON invoice_steps FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoice_steps_follow BEFORE INSERT ON invoice_steps FOR EACH ROW EXECUTE FUNCTION invoice_steps_must_follow();

CREATE TABLE invoices (
    invoice_id text NOT NULL,
    provider text NOT NULL,
    number text NOT NULL,
    number_key text NOT NULL,
    currency text NOT NULL,
    fee bigint NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    claims jsonb NOT NULL,
    file_name text NOT NULL,
    digest bytea NOT NULL,
    file bytea NOT NULL,
    received_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT invoices_id_shape CHECK ((invoice_id ~ '^inv-[0-9a-f]{32}$'::text)),
    CONSTRAINT invoices_number_not_empty CHECK (((number <> ''::text) AND (number_key <> ''::text))),
    CONSTRAINT invoices_period_in_order CHECK ((first_day <= last_day))
);
ALTER TABLE ONLY invoices
    ADD CONSTRAINT invoices_file_once UNIQUE (provider, digest);
ALTER TABLE ONLY invoices
    ADD CONSTRAINT invoices_number_once UNIQUE (provider, number_key);
ALTER TABLE ONLY invoices
    ADD CONSTRAINT invoices_pkey PRIMARY KEY (invoice_id);
CREATE INDEX invoices_by_number ON invoices (number_key);
CREATE TRIGGER invoices_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON invoices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE job_files (
    file_id bigint NOT NULL,
    job_id bigint NOT NULL,
    direction text DEFAULT 'in'::text NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    sha256 text NOT NULL,
    size bigint GENERATED ALWAYS AS (octet_length(content)) STORED NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT job_files_at_most_256_mib CHECK ((octet_length(content) <= 268435456)),
    CONSTRAINT job_files_direction_known CHECK ((direction = ANY (ARRAY['in'::text, 'out'::text]))),
    CONSTRAINT job_files_named CHECK (((name <> ''::text) AND (length(name) <= 200))),
    CONSTRAINT job_files_sha256_is_theirs CHECK ((sha256 = encode(sha256(content), 'hex'::text)))
);
ALTER TABLE job_files ALTER COLUMN file_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME job_files_file_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY job_files
    ADD CONSTRAINT job_files_pkey PRIMARY KEY (file_id);
ALTER TABLE ONLY job_files
    ADD CONSTRAINT job_files_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(job_id) ON DELETE CASCADE;
CREATE INDEX job_files_by_job ON job_files (job_id, file_id);
CREATE TRIGGER job_files_come_in_time BEFORE INSERT ON job_files FOR EACH ROW EXECUTE FUNCTION job_files_come_in_time();

CREATE TABLE job_runs (
    job text NOT NULL,
    slot text NOT NULL,
    claimed_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    owner text DEFAULT ''::text NOT NULL,
    lease_until timestamptz DEFAULT 'infinity'::timestamptz NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    done_at timestamptz
);
ALTER TABLE ONLY job_runs
    ADD CONSTRAINT job_runs_once PRIMARY KEY (job, slot);
CREATE INDEX job_runs_unfinished ON job_runs (lease_until) WHERE (done_at IS NULL);

CREATE TABLE jobs (
    job_id bigint NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    arguments jsonb NOT NULL,
    heavy boolean NOT NULL,
    digest text NOT NULL,
    request_key text,
    requested_by text NOT NULL,
    requested_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    runner text,
    started_at timestamptz,
    heartbeat_at timestamptz,
    finished_at timestamptz,
    cancelled_by text,
    progress text[] DEFAULT '{}'::text[] NOT NULL,
    percent smallint,
    result jsonb,
    error text,
    dropped_at timestamptz,
    CONSTRAINT jobs_begin CHECK (((state = ANY (ARRAY['running'::text, 'done'::text, 'failed'::text, 'interrupted'::text])) = ((started_at IS NOT NULL) AND (runner IS NOT NULL) AND (heartbeat_at IS NOT NULL)))),
    CONSTRAINT jobs_cancelled_by_somebody CHECK (((state = 'cancelled'::text) = (cancelled_by IS NOT NULL))),
    CONSTRAINT jobs_digest_shape CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT jobs_done_have_a_result CHECK (((state = 'done'::text) = (result IS NOT NULL))),
    CONSTRAINT jobs_end CHECK (((state = ANY (ARRAY['queued'::text, 'running'::text])) = (finished_at IS NULL))),
    CONSTRAINT jobs_failed_say_why CHECK (((state = ANY (ARRAY['failed'::text, 'interrupted'::text])) = (error IS NOT NULL))),
    CONSTRAINT jobs_percent_of_a_hundred CHECK (((percent >= 0) AND (percent <= 100))),
    CONSTRAINT jobs_state_known CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'interrupted'::text, 'cancelled'::text])))
);
ALTER TABLE jobs ALTER COLUMN job_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs_job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (job_id);
CREATE INDEX jobs_by_person ON jobs (requested_by, job_id);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE (finished_at IS NOT NULL);
CREATE UNIQUE INDEX jobs_once_at_a_time ON jobs (requested_by, digest) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE UNIQUE INDEX jobs_once_per_form ON jobs (requested_by, request_key, digest) WHERE (request_key IS NOT NULL);
CREATE UNIQUE INDEX jobs_one_heavy ON jobs (heavy) WHERE ((state = 'running'::text) AND heavy);
CREATE INDEX jobs_queued ON jobs (job_id) WHERE (state = 'queued'::text);
CREATE TRIGGER jobs_are_requested BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION jobs_are_requested();
CREATE TRIGGER jobs_must_follow BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION jobs_must_follow();

CREATE TABLE journal_lines (
    journal_no bigint NOT NULL,
    line_no integer NOT NULL,
    nature text NOT NULL,
    account text NOT NULL,
    code text NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT journal_lines_amount_not_zero CHECK ((amount <> 0)),
    CONSTRAINT journal_lines_code_not_empty CHECK ((code <> ''::text))
);
ALTER TABLE ONLY journal_lines
    ADD CONSTRAINT journal_lines_pkey PRIMARY KEY (journal_no, line_no);
ALTER TABLE ONLY journal_lines
    ADD CONSTRAINT journal_lines_journal_no_fkey FOREIGN KEY (journal_no) REFERENCES journals(journal_no);
CREATE TRIGGER journal_lines_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON journal_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE CONSTRAINT TRIGGER journal_lines_balance AFTER INSERT ON journal_lines DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION journals_must_balance();

CREATE TABLE journals (
    journal_no bigint NOT NULL,
    external_id text NOT NULL,
    provider text NOT NULL,
    kind text NOT NULL,
    business_day date NOT NULL,
    currency text NOT NULL,
    version integer NOT NULL,
    digits smallint NOT NULL,
    lines integer NOT NULL,
    day_step integer,
    issued_by text NOT NULL,
    issued_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT journals_digits_known CHECK (((digits >= 0) AND (digits <= 9))),
    CONSTRAINT journals_issued_by_somebody CHECK ((issued_by <> ''::text)),
    CONSTRAINT journals_kind_known CHECK ((kind = ANY (ARRAY['day'::text, 'fee'::text]))),
    CONSTRAINT journals_two_lines_or_more CHECK ((lines >= 2))
);
ALTER TABLE ONLY journals
    ADD CONSTRAINT journals_external_id_once UNIQUE (external_id);
ALTER TABLE ONLY journals
    ADD CONSTRAINT journals_pkey PRIMARY KEY (journal_no);
ALTER TABLE ONLY journals
    ADD CONSTRAINT journals_version_once UNIQUE (provider, kind, business_day, currency, version);
CREATE INDEX journals_by_day ON journals (business_day, provider);
CREATE TRIGGER journals_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON journals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE CONSTRAINT TRIGGER journals_balance AFTER INSERT ON journals DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION journals_must_balance();
CREATE TRIGGER journals_follow BEFORE INSERT ON journals FOR EACH ROW EXECUTE FUNCTION journals_must_follow();

CREATE UNLOGGED TABLE leaving_files (
    file_id bigint NOT NULL
);
ALTER TABLE ONLY leaving_files
    ADD CONSTRAINT leaving_files_pkey PRIMARY KEY (file_id);

CREATE UNLOGGED TABLE leaving_keys (
    hash bigint NOT NULL,
    day smallint NOT NULL
);
ALTER TABLE ONLY leaving_keys
    ADD CONSTRAINT leaving_keys_pkey PRIMARY KEY (hash, day);

CREATE UNLOGGED TABLE leaving_listings (
    chunk bigint NOT NULL,
    file_id bigint NOT NULL,
    provider text NOT NULL,
    record_id text NOT NULL,
    occurrence integer NOT NULL
);
CREATE INDEX leaving_listings_by_chunk ON leaving_listings (chunk);

CREATE UNLOGGED TABLE leaving_operations (
    chunk bigint NOT NULL,
    wallet_id bigint NOT NULL,
    wallet_seq bigint NOT NULL,
    match_key bigint NOT NULL,
    in_round boolean NOT NULL,
    hash bigint NOT NULL,
    day smallint NOT NULL
);
CREATE INDEX leaving_operations_by_chunk ON leaving_operations (chunk);
CREATE INDEX leaving_operations_by_round ON leaving_operations (match_key);

CREATE UNLOGGED TABLE leaving_records (
    chunk bigint NOT NULL,
    provider text NOT NULL,
    record_id text NOT NULL
);
ALTER TABLE ONLY leaving_records
    ADD CONSTRAINT leaving_records_pkey PRIMARY KEY (provider, record_id);
CREATE INDEX leaving_records_by_chunk ON leaving_records (chunk);

CREATE UNLOGGED TABLE leaving_versions (
    hash bigint NOT NULL,
    content bigint NOT NULL,
    month smallint NOT NULL
);
ALTER TABLE ONLY leaving_versions
    ADD CONSTRAINT leaving_versions_pkey PRIMARY KEY (hash, content);

CREATE TABLE limit_versions (
    version_id bigint NOT NULL,
    digest text NOT NULL,
    document jsonb NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    state text NOT NULL,
    decided_by text,
    decided_at timestamptz,
    proposed_eyes text[],
    decided_eyes text[],
    CONSTRAINT limit_versions_decided_or_not CHECK ((((state = ANY (ARRAY['first'::text, 'proposed'::text])) = (decided_by IS NULL)) AND ((decided_by IS NULL) = (decided_at IS NULL)))),
    CONSTRAINT limit_versions_digest_shape CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT limit_versions_four_eyes CHECK ((decided_by <> proposed_by)),
    CONSTRAINT limit_versions_state_known CHECK ((state = ANY (ARRAY['first'::text, 'proposed'::text, 'confirmed'::text, 'rejected'::text]))),
    CONSTRAINT limit_versions_two_people CHECK (are_two_people(proposed_eyes, decided_eyes))
);
ALTER TABLE limit_versions ALTER COLUMN version_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME limit_versions_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY limit_versions
    ADD CONSTRAINT limit_versions_pkey PRIMARY KEY (version_id);
CREATE UNIQUE INDEX limit_versions_one_first ON limit_versions (state) WHERE (state = 'first'::text);
CREATE UNIQUE INDEX limit_versions_one_proposed ON limit_versions (state) WHERE (state = 'proposed'::text);
CREATE TRIGGER limit_versions_eyes BEFORE INSERT OR UPDATE ON limit_versions FOR EACH ROW WHEN ((new.state <> 'first'::text)) EXECUTE FUNCTION keep_eyes();
CREATE TRIGGER limit_versions_follow BEFORE INSERT OR UPDATE ON limit_versions FOR EACH ROW EXECUTE FUNCTION limit_versions_must_follow();
CREATE TRIGGER limit_versions_never_removed BEFORE DELETE OR TRUNCATE ON limit_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE listed_batches (
    first_batch bigint NOT NULL,
    last_batch bigint NOT NULL,
    width bigint NOT NULL,
    CONSTRAINT listed_batches_first_batch_check CHECK ((first_batch > 0)),
    CONSTRAINT listed_batches_have_length CHECK ((first_batch <= last_batch)),
    CONSTRAINT listed_batches_width_check CHECK ((width > 0))
);
ALTER TABLE ONLY listed_batches
    ADD CONSTRAINT listed_batches_pkey PRIMARY KEY (first_batch);

CREATE TABLE listed_breaks (
    opened_at timestamptz NOT NULL,
    difference bigint NOT NULL,
    began_at timestamptz,
    cleared_at timestamptz,
    state text NOT NULL,
    provider text NOT NULL,
    kind text NOT NULL,
    impact text NOT NULL,
    currency text NOT NULL,
    assignee text,
    player text,
    round_id text NOT NULL,
    alias text NOT NULL,
    games text[] NOT NULL,
    break_id text NOT NULL,
    words text NOT NULL
)
WITH (fillfactor='90');
ALTER TABLE ONLY listed_breaks
    ADD CONSTRAINT listed_breaks_pkey PRIMARY KEY (break_id);
CREATE INDEX listed_breaks_by_age ON listed_breaks (opened_at, break_id);
CREATE INDEX listed_breaks_by_alias ON listed_breaks USING hash (alias) WHERE (alias <> ''::text);
CREATE INDEX listed_breaks_by_assignee ON listed_breaks (assignee) WHERE (assignee IS NOT NULL);
CREATE INDEX listed_breaks_by_day ON listed_breaks (began_at);
CREATE INDEX listed_breaks_by_game ON listed_breaks USING gin (games);
CREATE INDEX listed_breaks_by_money ON listed_breaks (((- abs(difference))), opened_at, break_id);
CREATE INDEX listed_breaks_by_player ON listed_breaks (player);
CREATE INDEX listed_breaks_by_round ON listed_breaks USING hash (round_id);
CREATE INDEX listed_breaks_open_by_age ON listed_breaks (opened_at, break_id) WHERE (state <> 'closed'::text);
CREATE INDEX listed_breaks_open_by_money ON listed_breaks (((- abs(difference))), opened_at, break_id) WHERE (state <> 'closed'::text);

CREATE TABLE login_attempts (
    attempt_id bigint NOT NULL,
    at timestamptz NOT NULL,
    name_hash text NOT NULL,
    address text NOT NULL,
    succeeded boolean DEFAULT false NOT NULL
);
ALTER TABLE login_attempts ALTER COLUMN attempt_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME login_attempts_attempt_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY login_attempts
    ADD CONSTRAINT login_attempts_pkey PRIMARY KEY (attempt_id);
CREATE INDEX login_attempts_by_address ON login_attempts (address, at);
CREATE INDEX login_attempts_by_name ON login_attempts (name_hash, at);

CREATE TABLE lost_answers (
    provider text NOT NULL,
    op_key text NOT NULL,
    lost_at timestamptz NOT NULL
);
ALTER TABLE ONLY lost_answers
    ADD CONSTRAINT lost_answers_pkey PRIMARY KEY (provider, op_key, lost_at);
CREATE TRIGGER lost_answers_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON lost_answers FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE month_end_wallets (
    wallet_id bigint NOT NULL,
    wallet_seq bigint NOT NULL,
    balance bigint NOT NULL,
    turnover bigint NOT NULL,
    blocked boolean NOT NULL,
    CONSTRAINT month_end_wallets_seq_positive CHECK ((wallet_seq > 0))
);
ALTER TABLE ONLY month_end_wallets
    ADD CONSTRAINT month_end_wallets_pkey PRIMARY KEY (wallet_id);
CREATE TRIGGER month_end_wallets_follow BEFORE INSERT OR UPDATE ON month_end_wallets FOR EACH ROW EXECUTE FUNCTION month_end_wallets_must_follow();
CREATE TRIGGER month_end_wallets_never_removed BEFORE DELETE OR TRUNCATE ON month_end_wallets FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE month_ends (
    month date NOT NULL,
    at timestamptz NOT NULL,
    wallets bigint NOT NULL,
    digest bytea NOT NULL,
    seal text NOT NULL,
    manifest_hash text NOT NULL,
    taken_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT month_ends_follow_their_month CHECK ((at = ((month + '1 mon'::interval) AT TIME ZONE 'UTC'::text)))
);
ALTER TABLE ONLY month_ends
    ADD CONSTRAINT month_ends_pkey PRIMARY KEY (month);
ALTER TABLE ONLY month_ends
    ADD CONSTRAINT month_ends_month_fkey FOREIGN KEY (month) REFERENCES archives(month);
CREATE TRIGGER month_ends_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON month_ends FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER month_ends_follow BEFORE INSERT ON month_ends FOR EACH ROW EXECUTE FUNCTION month_ends_must_follow();

CREATE TABLE notification_events (
    event_no bigint NOT NULL,
    rule text NOT NULL,
    kind text NOT NULL,
    event_key text NOT NULL,
    provider text NOT NULL,
    sentence text NOT NULL,
    subject text NOT NULL,
    taken_at timestamptz NOT NULL,
    message_id text
);
ALTER TABLE notification_events ALTER COLUMN event_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME notification_events_event_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY notification_events
    ADD CONSTRAINT notification_events_once UNIQUE (rule, kind, event_key);
ALTER TABLE ONLY notification_events
    ADD CONSTRAINT notification_events_pkey PRIMARY KEY (event_no);
ALTER TABLE ONLY notification_events
    ADD CONSTRAINT notification_events_message_id_fkey FOREIGN KEY (message_id) REFERENCES notifications(message_id);
CREATE INDEX notification_events_waiting ON notification_events (rule, event_no) WHERE (message_id IS NULL);

CREATE TABLE notification_rules (
    rule text NOT NULL,
    terms jsonb NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    disabled boolean DEFAULT false NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT notification_rules_named CHECK ((rule ~ '^[a-z][a-z0-9_-]{0,39}$'::text)),
    CONSTRAINT notification_rules_terms CHECK ((jsonb_typeof(terms) = 'object'::text)),
    CONSTRAINT notification_rules_versions CHECK ((version > 0))
);
ALTER TABLE ONLY notification_rules
    ADD CONSTRAINT notification_rules_pkey PRIMARY KEY (rule);

CREATE TABLE notifications (
    message_id text NOT NULL,
    rule text NOT NULL,
    created_at timestamptz NOT NULL,
    title text NOT NULL,
    lines jsonb NOT NULL,
    events integer NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    sent_at timestamptz,
    given_up_at timestamptz,
    last_error text,
    requested_by text,
    recipients text[],
    CONSTRAINT notifications_events_positive CHECK ((events > 0)),
    CONSTRAINT notifications_sent_or_given_up CHECK (((sent_at IS NULL) OR (given_up_at IS NULL)))
);
ALTER TABLE ONLY notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (message_id);
CREATE INDEX notifications_by_rule ON notifications (rule, created_at);
CREATE INDEX notifications_due ON notifications (next_attempt_at) WHERE ((sent_at IS NULL) AND (given_up_at IS NULL));

CREATE TABLE operation_amounts (
    first_batch bigint NOT NULL,
    provider text NOT NULL,
    currency text NOT NULL,
    last_place bigint NOT NULL,
    places bytea NOT NULL
);
ALTER TABLE ONLY operation_amounts
    ADD CONSTRAINT operation_amounts_pkey PRIMARY KEY (first_batch, provider, currency, last_place);
ALTER TABLE ONLY operation_amounts
    ADD CONSTRAINT operation_amounts_first_batch_fkey FOREIGN KEY (first_batch) REFERENCES listed_batches(first_batch);

CREATE TABLE operations (
    wallet_id bigint NOT NULL,
    wallet_seq bigint NOT NULL,
    batch_id bigint NOT NULL,
    provider text NOT NULL,
    op_key text NOT NULL,
    kind operation_kind NOT NULL,
    decision operation_decision NOT NULL,
    reason text,
    currency text NOT NULL,
    stake bigint NOT NULL,
    payout bigint NOT NULL,
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    round_id text NOT NULL,
    match_key bigint NOT NULL,
    refers_to text,
    reverses text,
    ends_round boolean NOT NULL,
    declared_stake bigint,
    declared_payout bigint,
    fingerprint bytea NOT NULL,
    route text NOT NULL,
    headers text NOT NULL,
    body bytea NOT NULL,
    reply_status smallint NOT NULL,
    reply bytea NOT NULL,
    occurred_at timestamptz,
    received_at timestamptz NOT NULL,
    fund fund_kind DEFAULT 'cash'::fund_kind NOT NULL,
    swept bigint,
    CONSTRAINT operations_amount_is_payout_less_stake CHECK (((amount = (payout - stake)) OR ((provider = 'tieout'::text) AND (kind = ANY (ARRAY['deposit'::operation_kind, 'withdrawal'::operation_kind, 'adjustment'::operation_kind]))))),
    CONSTRAINT operations_declined_moves_nothing CHECK (((decision = 'accepted'::operation_decision) OR ((amount = 0) AND (stake = 0) AND (payout = 0)))),
    CONSTRAINT operations_funding_has_no_stake CHECK (((kind <> ALL (ARRAY['deposit'::operation_kind, 'withdrawal'::operation_kind])) OR ((stake = 0) AND (payout = 0)))),
    CONSTRAINT operations_own_have_no_stake CHECK (((provider <> 'tieout'::text) OR ((stake = 0) AND (payout = 0)))),
    CONSTRAINT operations_seq_positive CHECK ((wallet_seq > 0))
);
ALTER TABLE ONLY operations
    ADD CONSTRAINT operations_one_movement_per_key UNIQUE (provider, op_key);
ALTER TABLE ONLY operations
    ADD CONSTRAINT operations_pkey PRIMARY KEY (wallet_id, wallet_seq);
CREATE INDEX operations_below_zero ON operations (provider, received_at) WHERE (balance_after < 0);
CREATE INDEX operations_by_batch ON operations (batch_id);
CREATE UNIQUE INDEX operations_one_reversal_per_original ON operations (provider, reverses) WHERE (reverses IS NOT NULL);
CREATE INDEX operations_tombstones ON operations (provider, received_at) WHERE (kind = 'tombstone'::operation_kind);
CREATE TRIGGER operations_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON operations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER operations_are_not_away AFTER INSERT ON operations REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION operations_are_not_away();
CREATE TRIGGER operations_may_only_leave AFTER DELETE ON operations REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION operations_may_only_leave();
CREATE TRIGGER operations_may_only_shrink BEFORE UPDATE ON operations FOR EACH ROW EXECUTE FUNCTION operations_may_only_shrink();

CREATE TABLE packed_hash_totals (
    packed text NOT NULL,
    hashes bigint NOT NULL,
    digest bigint NOT NULL,
    CONSTRAINT packed_hash_totals_packed_known CHECK ((packed = ANY (ARRAY['archived_keys'::text, 'archived_records'::text])))
);
ALTER TABLE ONLY packed_hash_totals
    ADD CONSTRAINT packed_hash_totals_pkey PRIMARY KEY (packed);
CREATE TRIGGER packed_hash_totals_append_only BEFORE INSERT OR DELETE OR TRUNCATE ON packed_hash_totals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER packed_hash_totals_follow BEFORE UPDATE ON packed_hash_totals FOR EACH ROW EXECUTE FUNCTION packed_hash_totals_must_follow();

CREATE TABLE parked (
    parked_id bigint NOT NULL,
    job text NOT NULL,
    subject text NOT NULL,
    cause text NOT NULL,
    detail text NOT NULL,
    parked_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    fingerprint text DEFAULT ''::text NOT NULL,
    context jsonb DEFAULT '{}'::jsonb NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    last_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT parked_times_positive CHECK ((times > 0))
);
ALTER TABLE parked ALTER COLUMN parked_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME parked_parked_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY parked
    ADD CONSTRAINT parked_once UNIQUE (job, subject);
ALTER TABLE ONLY parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (parked_id);
CREATE INDEX parked_by_fingerprint ON parked (fingerprint);
CREATE TRIGGER parked_batches_stay AFTER DELETE ON parked REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION parked_batches_stay();
CREATE TRIGGER parked_is_never_emptied BEFORE TRUNCATE ON parked FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE password_codes (
    code_hash text NOT NULL,
    person_id bigint NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT password_codes_expire CHECK ((expires_at > made_at)),
    CONSTRAINT password_codes_hash_shape CHECK ((code_hash ~ '^[0-9a-f]{64}$'::text))
);
ALTER TABLE ONLY password_codes
    ADD CONSTRAINT password_codes_pkey PRIMARY KEY (code_hash);
ALTER TABLE ONLY password_codes
    ADD CONSTRAINT password_codes_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id);
CREATE INDEX password_codes_by_person ON password_codes (person_id) WHERE (used_at IS NULL);

CREATE TABLE passwords (
    person_id bigint NOT NULL,
    hash text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT passwords_hash_shape CHECK ((hash ~~ '$argon2id$%'::text))
);
ALTER TABLE ONLY passwords
    ADD CONSTRAINT passwords_pkey PRIMARY KEY (person_id);
ALTER TABLE ONLY passwords
    ADD CONSTRAINT passwords_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id);

CREATE TABLE paused_queues (
    queue text NOT NULL,
    paused_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    paused_by text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT paused_queues_by_somebody CHECK ((paused_by <> ''::text)),
    CONSTRAINT paused_queues_for_a_reason CHECK ((reason <> ''::text))
);
ALTER TABLE ONLY paused_queues
    ADD CONSTRAINT paused_queues_pkey PRIMARY KEY (queue);

CREATE TABLE people (
    person_id bigint NOT NULL,
    name text NOT NULL,
    skeleton text NOT NULL,
    display_name text NOT NULL,
    roles text[] NOT NULL,
    os_user text,
    token_hash text,
    disabled_at timestamptz,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT people_have_roles CHECK (((cardinality(roles) > 0) AND (roles <@ ARRAY['viewer'::text, 'finance'::text, 'approver'::text, 'ops'::text, 'admin'::text]))),
    CONSTRAINT people_name_normalised CHECK (((name <> ''::text) AND (name = btrim(name)) AND (name = lower(name)) AND (name !~ '[[:space:]]{2}'::text) AND
CASE
    WHEN (getdatabaseencoding() = 'UTF8'::name) THEN (name IS NFKC NORMALIZED)
    ELSE true
END AND (name <> ALL (ARRAY['reconcile'::text, 'tieout'::text])))),
    CONSTRAINT people_os_user_not_empty CHECK ((os_user <> ''::text)),
    CONSTRAINT people_token_hash_shape CHECK ((token_hash ~ '^[0-9a-f]{64}$'::text))
);
ALTER TABLE people ALTER COLUMN person_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME people_person_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY people
    ADD CONSTRAINT people_name_once UNIQUE (name);
ALTER TABLE ONLY people
    ADD CONSTRAINT people_no_lookalikes UNIQUE (skeleton);
ALTER TABLE ONLY people
    ADD CONSTRAINT people_pkey PRIMARY KEY (person_id);
ALTER TABLE ONLY people
    ADD CONSTRAINT people_token_once UNIQUE (token_hash);
CREATE INDEX people_by_os_user ON people (os_user) WHERE (os_user IS NOT NULL);
CREATE TRIGGER people_keep_their_name BEFORE UPDATE ON people FOR EACH ROW WHEN (((new.person_id <> old.person_id) OR (new.name <> old.name) OR (new.skeleton <> old.skeleton) OR (new.created_at <> old.created_at))) EXECUTE FUNCTION refuse_other_person();
CREATE TRIGGER people_never_removed BEFORE DELETE OR TRUNCATE ON people FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE players (
    player text NOT NULL,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT players_player_not_empty CHECK ((player <> ''::text))
);
ALTER TABLE ONLY players
    ADD CONSTRAINT players_pkey PRIMARY KEY (player);
CREATE TRIGGER players_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON players FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE proof_runs (
    proof_id bigint NOT NULL,
    kind text NOT NULL,
    scope text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    is_clean boolean NOT NULL,
    detail text NOT NULL,
    CONSTRAINT proof_runs_end_after_their_start CHECK ((finished_at >= started_at))
);
ALTER TABLE proof_runs ALTER COLUMN proof_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME proof_runs_proof_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY proof_runs
    ADD CONSTRAINT proof_runs_pkey PRIMARY KEY (proof_id);
ALTER TABLE proof_runs
    ADD CONSTRAINT proof_runs_kind CHECK ((kind = ANY (ARRAY['verify'::text, 'replay'::text, 'recheck'::text, 'seal'::text, 'checkpoint'::text]))) NOT VALID;
CREATE INDEX proof_runs_newest ON proof_runs (kind, finished_at DESC);
CREATE TRIGGER proof_runs_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON proof_runs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE provider_deliveries (
    provider text NOT NULL,
    webhook_id text NOT NULL,
    delivery_id text NOT NULL,
    event_type text NOT NULL,
    payload bytea NOT NULL,
    response_code smallint,
    response_body bytea NOT NULL,
    success boolean NOT NULL,
    attempted_at timestamptz NOT NULL,
    retry_count integer NOT NULL,
    pulled_at timestamptz NOT NULL
);
ALTER TABLE ONLY provider_deliveries
    ADD CONSTRAINT provider_deliveries_pkey PRIMARY KEY (provider, webhook_id, delivery_id);
CREATE INDEX provider_deliveries_by_time ON provider_deliveries (provider, attempted_at);
CREATE TRIGGER provider_deliveries_keep_evidence BEFORE DELETE OR UPDATE OF provider, webhook_id, delivery_id OR TRUNCATE ON provider_deliveries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER provider_deliveries_may_only_leave AFTER DELETE ON provider_deliveries REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION feed_rows_may_only_leave();

CREATE TABLE recalled_histories (
    provider text NOT NULL,
    round_id text NOT NULL,
    recalled_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    records bigint NOT NULL
);
ALTER TABLE ONLY recalled_histories
    ADD CONSTRAINT recalled_histories_pkey PRIMARY KEY (provider, round_id, recalled_at);
CREATE TRIGGER recalled_histories_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON recalled_histories FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE recalls (
    recall_id bigint NOT NULL,
    kind text NOT NULL,
    provider text NOT NULL,
    name text NOT NULL,
    hash bigint NOT NULL,
    wanted_by text NOT NULL,
    wanted_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    came_at timestamptz,
    operations integer,
    CONSTRAINT recalls_came_with_a_count CHECK (((came_at IS NULL) = (operations IS NULL))),
    CONSTRAINT recalls_kind_known CHECK ((kind = ANY (ARRAY['operation'::text, 'round'::text])))
);
ALTER TABLE recalls ALTER COLUMN recall_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME recalls_recall_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY recalls
    ADD CONSTRAINT recalls_pkey PRIMARY KEY (recall_id);
CREATE INDEX recalls_absent ON recalls (hash) WHERE (operations = 0);
CREATE UNIQUE INDEX recalls_wanted ON recalls (provider, kind, name) WHERE (came_at IS NULL);
CREATE TRIGGER recalls_are_announced AFTER INSERT ON recalls REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION recalls_are_announced();
CREATE TRIGGER recalls_never_removed BEFORE DELETE OR TRUNCATE ON recalls FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE receiver_sessions (
    session_id bigint NOT NULL,
    opened_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    answered_through bigint DEFAULT 0 NOT NULL,
    ended_at timestamptz
)
WITH (fillfactor='50');
ALTER TABLE receiver_sessions ALTER COLUMN session_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME receiver_sessions_session_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY receiver_sessions
    ADD CONSTRAINT receiver_sessions_pkey PRIMARY KEY (session_id);
CREATE TRIGGER receiver_sessions_keep_evidence BEFORE DELETE OR UPDATE OF session_id, opened_at OR TRUNCATE ON receiver_sessions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE recoveries (
    recovery_id text NOT NULL,
    epoch bigint NOT NULL,
    file text NOT NULL,
    sha256 text NOT NULL,
    callbacks integer NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    state text NOT NULL,
    decided_by text,
    decided_at timestamptz,
    proposed_eyes text[],
    decided_eyes text[],
    CONSTRAINT recoveries_decided_or_proposed CHECK ((((state = 'proposed'::text) = (decided_by IS NULL)) AND ((decided_by IS NULL) = (decided_at IS NULL)))),
    CONSTRAINT recoveries_digest_shape CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT recoveries_four_eyes CHECK ((decided_by <> proposed_by)),
    CONSTRAINT recoveries_id_shape CHECK ((recovery_id ~ '^rec-[0-9a-f]{32}$'::text)),
    CONSTRAINT recoveries_state_known CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text]))),
    CONSTRAINT recoveries_two_people CHECK (are_two_people(proposed_eyes, decided_eyes))
);
ALTER TABLE ONLY recoveries
    ADD CONSTRAINT recoveries_one_per_file UNIQUE (epoch, sha256);
ALTER TABLE ONLY recoveries
    ADD CONSTRAINT recoveries_pkey PRIMARY KEY (recovery_id);
ALTER TABLE ONLY recoveries
    ADD CONSTRAINT recoveries_epoch_fkey FOREIGN KEY (epoch) REFERENCES restores(epoch);
CREATE TRIGGER recoveries_eyes BEFORE INSERT OR UPDATE ON recoveries FOR EACH ROW EXECUTE FUNCTION keep_eyes();
CREATE TRIGGER recoveries_follow BEFORE INSERT OR UPDATE ON recoveries FOR EACH ROW EXECUTE FUNCTION recoveries_must_follow();
CREATE TRIGGER recoveries_never_removed BEFORE DELETE OR TRUNCATE ON recoveries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE residual_entries (
    residual_id bigint NOT NULL,
    leg smallint NOT NULL,
    account account_kind NOT NULL,
    provider text NOT NULL,
    match_key bigint NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT residual_entries_amount_not_zero CHECK ((amount <> 0)),
    CONSTRAINT residual_entries_of_the_house CHECK ((((leg = 1) AND (account = 'ggr'::account_kind)) OR ((leg = 2) AND (account = 'difference'::account_kind))))
);
ALTER TABLE ONLY residual_entries
    ADD CONSTRAINT residual_entries_pkey PRIMARY KEY (residual_id, leg);
ALTER TABLE ONLY residual_entries
    ADD CONSTRAINT residual_entries_residual_id_fkey FOREIGN KEY (residual_id) REFERENCES residuals(residual_id);
CREATE TRIGGER residual_entries_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON residual_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER residual_entries_sum_to_zero AFTER INSERT ON residual_entries REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION residual_entries_must_sum_to_zero();

CREATE TABLE residuals (
    residual_id bigint NOT NULL,
    run_id text,
    provider text NOT NULL,
    round_id text NOT NULL,
    player text DEFAULT ''::text NOT NULL,
    match_key bigint NOT NULL,
    currency text NOT NULL,
    sequence integer NOT NULL,
    before bigint NOT NULL,
    after bigint NOT NULL,
    corrects bigint,
    booked_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    write_off_id text,
    CONSTRAINT residuals_accepted_by_one CHECK ((num_nonnulls(run_id, write_off_id) = 1)),
    CONSTRAINT residuals_begin_at_nothing CHECK (((sequence > 0) AND ((sequence = 1) = (corrects IS NULL)) AND ((sequence > 1) OR (before = 0)))),
    CONSTRAINT residuals_move_something CHECK ((before <> after))
);
ALTER TABLE residuals ALTER COLUMN residual_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME residuals_residual_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY residuals
    ADD CONSTRAINT residuals_corrected_once UNIQUE (corrects);
ALTER TABLE ONLY residuals
    ADD CONSTRAINT residuals_pkey PRIMARY KEY (residual_id);
ALTER TABLE ONLY residuals
    ADD CONSTRAINT residuals_corrects_fkey FOREIGN KEY (corrects) REFERENCES residuals(residual_id);
ALTER TABLE ONLY residuals
    ADD CONSTRAINT residuals_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs(run_id);
ALTER TABLE ONLY residuals
    ADD CONSTRAINT residuals_write_off_id_fkey FOREIGN KEY (write_off_id) REFERENCES write_offs(write_off_id);
CREATE INDEX residuals_by_round ON residuals (provider, match_key);
CREATE INDEX residuals_by_run ON residuals (run_id);
CREATE INDEX residuals_by_time ON residuals USING brin (booked_at);
CREATE INDEX residuals_by_write_off ON residuals (write_off_id) WHERE (write_off_id IS NOT NULL);
CREATE UNIQUE INDEX residuals_once ON residuals (provider, round_id, player, currency, sequence, COALESCE(write_off_id, ''::text));
CREATE TRIGGER residuals_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON residuals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER residuals_follow AFTER INSERT ON residuals REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION residuals_must_follow();
CREATE TRIGGER residuals_suit_their_write_off AFTER INSERT ON residuals FOR EACH ROW WHEN ((new.write_off_id IS NOT NULL)) EXECUTE FUNCTION residuals_must_suit_their_write_off();

CREATE TABLE restores (
    epoch bigint NOT NULL,
    after_batch bigint NOT NULL,
    begun_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    begun_by text NOT NULL,
    reason text NOT NULL,
    verified_at timestamptz,
    is_clean boolean,
    proofs jsonb,
    finished_at timestamptz,
    finished_by text,
    takes_two boolean NOT NULL,
    begun_eyes text[] NOT NULL,
    finished_eyes text[],
    CONSTRAINT restores_epoch_positive CHECK ((epoch > 0)),
    CONSTRAINT restores_finished_whole CHECK (((finished_at IS NULL) = (finished_by IS NULL))),
    CONSTRAINT restores_reason_not_empty CHECK (((reason <> ''::text) AND (begun_by <> ''::text))),
    CONSTRAINT restores_two_people CHECK (((NOT takes_two) OR are_two_people(begun_eyes, finished_eyes))),
    CONSTRAINT restores_verified_whole CHECK ((((verified_at IS NULL) = (is_clean IS NULL)) AND ((verified_at IS NULL) = (proofs IS NULL))))
);
ALTER TABLE ONLY restores
    ADD CONSTRAINT restores_pkey PRIMARY KEY (epoch);
CREATE TRIGGER restores_follow BEFORE INSERT OR UPDATE ON restores FOR EACH ROW EXECUTE FUNCTION restores_must_follow();
CREATE TRIGGER restores_never_removed BEFORE DELETE OR TRUNCATE ON restores FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE rounds (
    first_at timestamptz NOT NULL,
    provider text NOT NULL,
    key_row bytea GENERATED ALWAYS AS ((((((int8send(match_key) || int8send(stake)) || int8send(payout)) || int8send(wallet_id)) || decode(rpad(currency, 8), 'escape'::text)) ||
CASE
    WHEN ((declared_stake <> stake) OR (declared_payout <> payout)) THEN '\x01'::bytea
    ELSE '\x00'::bytea
END)) STORED NOT NULL,
    match_key bigint NOT NULL,
    wallet_id bigint NOT NULL,
    stake bigint NOT NULL,
    payout bigint NOT NULL,
    swept bigint DEFAULT 0 NOT NULL,
    last_at timestamptz NOT NULL,
    bets integer NOT NULL,
    wins integer NOT NULL,
    rollbacks integer NOT NULL,
    status round_status GENERATED ALWAYS AS (
CASE
    WHEN ((rollbacks > 0) AND (stake = 0) AND (payout = 0)) THEN 'rolled_back'::round_status
    WHEN (NOT ended) THEN 'open'::round_status
    WHEN ((bets = 0) AND (wins = 0) AND (stake = 0) AND (payout = 0)) THEN 'void'::round_status
    ELSE 'settled'::round_status
END) STORED NOT NULL,
    ended boolean NOT NULL,
    currency text NOT NULL,
    round_id text NOT NULL,
    declared_stake bigint,
    declared_payout bigint,
    CONSTRAINT rounds_counts_not_negative CHECK (((bets >= 0) AND (wins >= 0) AND (rollbacks >= 0))),
    CONSTRAINT rounds_currency_fits CHECK ((octet_length(currency) <= 8))
)
WITH (fillfactor='80');
ALTER TABLE ONLY rounds
    ADD CONSTRAINT rounds_pkey PRIMARY KEY (match_key, provider, round_id, wallet_id);
CREATE INDEX rounds_by_provider_time ON rounds (provider, first_at);
CREATE INDEX rounds_by_time ON rounds USING brin (first_at);
CREATE TRIGGER rounds_are_not_away AFTER INSERT ON rounds REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION rounds_are_not_away();
CREATE TRIGGER rounds_mark_days_on_insert AFTER INSERT ON rounds REFERENCING NEW TABLE AS written FOR EACH STATEMENT WHEN ((current_setting('tieout.recalling'::text, true) IS DISTINCT FROM 'yes'::text)) EXECUTE FUNCTION rounds_mark_days_on_insert();
CREATE TRIGGER rounds_mark_days_on_update AFTER UPDATE ON rounds REFERENCING OLD TABLE AS was NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION rounds_mark_days_on_update();
CREATE TRIGGER rounds_may_only_leave AFTER DELETE ON rounds REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION rounds_may_only_leave();
CREATE TRIGGER rounds_never_removed BEFORE DELETE OR TRUNCATE ON rounds FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rounds_only_grow BEFORE UPDATE ON rounds FOR EACH ROW WHEN (((old.ended AND (NOT new.ended)) OR (new.bets < old.bets) OR (new.wins < old.wins) OR (new.rollbacks < old.rollbacks) OR (new.first_at > old.first_at) OR (new.last_at < old.last_at) OR (new.currency <> old.currency) OR (new.wallet_id <> old.wallet_id) OR (new.round_id <> old.round_id) OR (new.provider <> old.provider) OR (new.match_key <> old.match_key))) EXECUTE FUNCTION refuse_round_change();

CREATE TABLE run_watermarks (
    provider text NOT NULL,
    window_from timestamptz NOT NULL,
    window_to timestamptz NOT NULL,
    run_id text NOT NULL,
    evaluated_at timestamptz NOT NULL,
    maturity interval NOT NULL,
    terms text NOT NULL,
    handles text NOT NULL,
    oldest_xid bigint NOT NULL,
    stored_no bigint NOT NULL
);
ALTER TABLE ONLY run_watermarks
    ADD CONSTRAINT run_watermarks_pkey PRIMARY KEY (provider, window_from, window_to);
ALTER TABLE ONLY run_watermarks
    ADD CONSTRAINT run_watermarks_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs(run_id);

CREATE TABLE runs (
    run_id text NOT NULL,
    provider text NOT NULL,
    window_from timestamptz NOT NULL,
    window_to timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    result jsonb NOT NULL,
    manifest jsonb NOT NULL,
    conserved boolean NOT NULL,
    whole boolean DEFAULT true NOT NULL,
    CONSTRAINT runs_are_conserved CHECK (conserved)
);
ALTER TABLE ONLY runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);
CREATE INDEX runs_by_provider ON runs (provider, finished_at);
CREATE TRIGGER runs_keep_evidence BEFORE DELETE OR UPDATE OF run_id, provider, window_from, window_to, started_at, conserved OR TRUNCATE ON runs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE saved_views (
    view_id bigint NOT NULL,
    person_id bigint NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    shared boolean NOT NULL,
    saved_at timestamptz NOT NULL,
    CONSTRAINT saved_views_named CHECK (((name <> ''::text) AND (length(name) <= 60))),
    CONSTRAINT saved_views_short CHECK ((length(address) <= 4000))
);
ALTER TABLE saved_views ALTER COLUMN view_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME saved_views_view_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY saved_views
    ADD CONSTRAINT saved_views_once UNIQUE (person_id, name);
ALTER TABLE ONLY saved_views
    ADD CONSTRAINT saved_views_pkey PRIMARY KEY (view_id);
ALTER TABLE ONLY saved_views
    ADD CONSTRAINT saved_views_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(person_id);

CREATE TABLE seals (
    day date NOT NULL,
    previous text NOT NULL,
    hash text NOT NULL,
    batches bigint NOT NULL,
    operations bigint NOT NULL,
    entries bigint NOT NULL,
    deliveries bigint NOT NULL,
    layout jsonb NOT NULL,
    sealed_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    residuals bigint DEFAULT 0 NOT NULL,
    residual_entries bigint DEFAULT 0 NOT NULL,
    CONSTRAINT seals_counts_not_negative CHECK (((batches >= 0) AND (operations >= 0) AND (entries >= 0) AND (deliveries >= 0))),
    CONSTRAINT seals_hash_shape CHECK (((hash ~ '^[0-9a-f]{64}$'::text) AND (previous ~ '^[0-9a-f]{64}$'::text))),
    CONSTRAINT seals_residuals_not_negative CHECK (((residuals >= 0) AND (residual_entries >= 0)))
);
ALTER TABLE ONLY seals
    ADD CONSTRAINT seals_follow_one_each UNIQUE (previous);
ALTER TABLE ONLY seals
    ADD CONSTRAINT seals_pkey PRIMARY KEY (day);
CREATE INDEX seals_by_hash ON seals (hash);
CREATE TRIGGER seals_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON seals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seals_follow BEFORE INSERT ON seals FOR EACH ROW EXECUTE FUNCTION seals_must_follow();

CREATE TABLE sso_logins (
    state_hash text NOT NULL,
    browser_hash text NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    target text NOT NULL,
    begun_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT sso_logins_browser_shape CHECK ((browser_hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT sso_logins_state_shape CHECK ((state_hash ~ '^[0-9a-f]{64}$'::text))
);
ALTER TABLE ONLY sso_logins
    ADD CONSTRAINT sso_logins_pkey PRIMARY KEY (state_hash);
CREATE INDEX sso_logins_by_start ON sso_logins (begun_at);

CREATE TABLE summed_days (
    day_id bigint NOT NULL,
    provider text NOT NULL,
    business_day date NOT NULL,
    zone text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    armed xid8,
    seen pg_snapshot,
    cluster bigint,
    summed_at timestamptz,
    run_id text,
    lists_unreported boolean DEFAULT false NOT NULL,
    sides jsonb,
    delay_s bigint,
    due bigint,
    resolved bigint,
    amounts_at timestamptz,
    CONSTRAINT summed_days_are_whole CHECK (((seen IS NULL) = (summed_at IS NULL))),
    CONSTRAINT summed_days_have_length CHECK ((starts_at < ends_at))
);
ALTER TABLE summed_days ALTER COLUMN day_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME summed_days_day_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY summed_days
    ADD CONSTRAINT summed_days_once UNIQUE (provider, starts_at, ends_at);
ALTER TABLE ONLY summed_days
    ADD CONSTRAINT summed_days_pkey PRIMARY KEY (day_id);
ALTER TABLE ONLY summed_days
    ADD CONSTRAINT summed_days_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs(run_id);
CREATE INDEX summed_days_by_end ON summed_days (ends_at);

CREATE TABLE table_sizes (
    day date NOT NULL,
    name text NOT NULL,
    bytes bigint NOT NULL
);
ALTER TABLE ONLY table_sizes
    ADD CONSTRAINT table_sizes_pkey PRIMARY KEY (day, name);

CREATE TABLE wallets (
    wallet_id bigint NOT NULL,
    player text NOT NULL,
    currency text NOT NULL,
    balance bigint NOT NULL,
    seq bigint NOT NULL,
    turnover bigint DEFAULT 0 NOT NULL,
    blocked boolean DEFAULT false NOT NULL,
    day integer DEFAULT 0 NOT NULL,
    day_stake bigint DEFAULT 0 NOT NULL,
    day_payout bigint DEFAULT 0 NOT NULL,
    restrictions jsonb,
    CONSTRAINT wallets_currency_shape CHECK ((currency ~ '^[A-Z][A-Z0-9]{2,7}$'::text)),
    CONSTRAINT wallets_restrictions_shape CHECK (((restrictions IS NULL) OR ((jsonb_typeof(restrictions) = 'object'::text) AND (restrictions <> '{}'::jsonb) AND ((restrictions - ARRAY['until'::text, 'stake'::text, 'turnover'::text, 'loss'::text]) = '{}'::jsonb)))),
    CONSTRAINT wallets_seq_not_negative CHECK ((seq >= 0))
)
WITH (fillfactor='50');
ALTER TABLE wallets ALTER COLUMN wallet_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wallets_wallet_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY wallets
    ADD CONSTRAINT wallets_pkey PRIMARY KEY (wallet_id);
ALTER TABLE ONLY wallets
    ADD CONSTRAINT wallets_player_currency UNIQUE (player, currency);
ALTER TABLE ONLY wallets
    ADD CONSTRAINT wallets_player_fkey FOREIGN KEY (player) REFERENCES players(player);
CREATE TRIGGER wallets_keep_evidence BEFORE DELETE OR UPDATE OF wallet_id, player, currency OR TRUNCATE ON wallets FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE worker_heartbeats (
    worker text NOT NULL,
    role text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT worker_heartbeats_role CHECK ((role = ANY (ARRAY['worker'::text, 'scheduler'::text])))
);
ALTER TABLE ONLY worker_heartbeats
    ADD CONSTRAINT worker_heartbeats_pkey PRIMARY KEY (worker);

CREATE TABLE write_offs (
    write_off_id text NOT NULL,
    break_id text NOT NULL,
    provider text NOT NULL,
    round_id text NOT NULL,
    match_key bigint NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    reason text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    state text NOT NULL,
    decided_by text,
    decided_at timestamptz,
    reversed_by text,
    reversed_at timestamptz,
    proposed_eyes text[],
    decided_eyes text[],
    CONSTRAINT write_offs_amount_not_zero CHECK ((amount <> 0)),
    CONSTRAINT write_offs_decided_or_proposed CHECK ((((state = 'proposed'::text) = (decided_by IS NULL)) AND ((decided_by IS NULL) = (decided_at IS NULL)))),
    CONSTRAINT write_offs_four_eyes CHECK ((decided_by <> proposed_by)),
    CONSTRAINT write_offs_id_shape CHECK ((write_off_id ~ '^wof-[0-9a-f]{32}$'::text)),
    CONSTRAINT write_offs_reversed_by_somebody CHECK ((((state = 'reversed'::text) = (reversed_by IS NOT NULL)) AND ((reversed_by IS NULL) = (reversed_at IS NULL)))),
    CONSTRAINT write_offs_state_known CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'rejected'::text, 'booked'::text, 'reversed'::text]))),
    CONSTRAINT write_offs_texts_not_empty CHECK (((reason <> ''::text) AND (proposed_by <> ''::text))),
    CONSTRAINT write_offs_two_people CHECK (are_two_people(proposed_eyes, decided_eyes))
);
ALTER TABLE ONLY write_offs
    ADD CONSTRAINT write_offs_pkey PRIMARY KEY (write_off_id);
ALTER TABLE ONLY write_offs
    ADD CONSTRAINT write_offs_break_id_fkey FOREIGN KEY (break_id) REFERENCES breaks(break_id);
CREATE INDEX write_offs_approved ON write_offs (decided_at) WHERE (state = 'approved'::text);
CREATE INDEX write_offs_by_break ON write_offs (break_id);
CREATE UNIQUE INDEX write_offs_once ON write_offs (break_id) WHERE (state = ANY (ARRAY['proposed'::text, 'approved'::text, 'booked'::text]));
CREATE CONSTRAINT TRIGGER write_offs_are_booked AFTER INSERT OR UPDATE ON write_offs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION write_offs_must_be_booked();
CREATE TRIGGER write_offs_eyes BEFORE INSERT OR UPDATE ON write_offs FOR EACH ROW EXECUTE FUNCTION keep_eyes();
CREATE TRIGGER write_offs_never_removed BEFORE DELETE OR TRUNCATE ON write_offs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER write_offs_start BEFORE INSERT ON write_offs FOR EACH ROW EXECUTE FUNCTION write_offs_must_start_proposed();
CREATE TRIGGER write_offs_states BEFORE UPDATE ON write_offs FOR EACH ROW EXECUTE FUNCTION write_offs_must_follow_their_states();

CREATE VIEW archived_entries AS
 SELECT batch_id,
    wallet_id,
    wallet_seq,
    leg,
    account,
    provider,
    match_key,
    currency,
    amount,
    entries_at AS posted_at
   FROM entries_by_rule
  WHERE (entries_at IS NOT NULL);

CREATE VIEW booked_entries AS
 SELECT entries.wallet_id,
    entries.wallet_seq,
    entries.leg,
    entries.account,
    entries.provider,
    entries.match_key,
    entries.currency,
    entries.amount,
    entries.posted_at
   FROM entries
UNION ALL
 SELECT archived_entries.wallet_id,
    archived_entries.wallet_seq,
    archived_entries.leg,
    archived_entries.account,
    archived_entries.provider,
    archived_entries.match_key,
    archived_entries.currency,
    archived_entries.amount,
    archived_entries.posted_at
   FROM archived_entries
  WHERE ( SELECT (EXISTS ( SELECT
                   FROM archived_totals)) AS "exists");

CREATE VIEW entries_by_rule AS
 SELECT o.batch_id,
    b.entries_at,
    o.wallet_id,
    o.wallet_seq,
    l.leg,
    l.account,
    o.provider,
    o.match_key,
    o.currency,
    l.amount
   FROM ((batches b
     JOIN operations o USING (batch_id))
     CROSS JOIN LATERAL ( SELECT (1)::smallint AS leg,
            'player_wallet'::account_kind AS account,
            (- o.stake) AS amount
          WHERE ((- o.stake) <> 0)
        UNION ALL
         SELECT (2)::smallint AS leg,
            (
                CASE
                    WHEN (o.fund <> 'cash'::fund_kind) THEN
                    CASE o.fund
                        WHEN 'free_round'::fund_kind THEN 'bonus'::text
                        WHEN 'bonus'::fund_kind THEN 'bonus'::text
                        WHEN 'jackpot'::fund_kind THEN 'jackpot'::text
                        WHEN 'promo'::fund_kind THEN 'promo'::text
                        WHEN 'difference'::fund_kind THEN 'difference'::text
                        WHEN 'suspense'::fund_kind THEN 'suspense'::text
                        ELSE NULL::text
                    END
                    WHEN ((o.kind = 'adjustment'::operation_kind) OR o.ends_round) THEN 'ggr'::text
                    ELSE 'provider_clearing'::text
                END)::account_kind AS account,
            o.stake AS amount
          WHERE (o.stake <> 0)
        UNION ALL
         SELECT (3)::smallint AS leg,
            'player_wallet'::account_kind AS account,
            o.payout AS amount
          WHERE (o.payout <> 0)
        UNION ALL
         SELECT (4)::smallint AS leg,
            (
                CASE
                    WHEN (o.fund <> 'cash'::fund_kind) THEN
                    CASE o.fund
                        WHEN 'free_round'::fund_kind THEN 'bonus'::text
                        WHEN 'bonus'::fund_kind THEN 'bonus'::text
                        WHEN 'jackpot'::fund_kind THEN 'jackpot'::text
                        WHEN 'promo'::fund_kind THEN 'promo'::text
                        WHEN 'difference'::fund_kind THEN 'difference'::text
                        WHEN 'suspense'::fund_kind THEN 'suspense'::text
                        ELSE NULL::text
                    END
                    WHEN ((o.kind = 'adjustment'::operation_kind) OR o.ends_round) THEN 'ggr'::text
                    ELSE 'provider_clearing'::text
                END)::account_kind AS account,
            (- o.payout) AS amount
          WHERE ((- o.payout) <> 0)
        UNION ALL
         SELECT (5)::smallint AS leg,
            'provider_clearing'::account_kind AS account,
            (- o.swept) AS amount
          WHERE ((- o.swept) <> 0)
        UNION ALL
         SELECT (6)::smallint AS leg,
            'ggr'::account_kind AS account,
            o.swept AS amount
          WHERE (o.swept <> 0)
        UNION ALL
         SELECT (7)::smallint AS leg,
            'player_wallet'::account_kind AS account,
            ((o.amount - o.payout) + o.stake) AS amount
          WHERE (((o.amount - o.payout) + o.stake) <> 0)
        UNION ALL
         SELECT (8)::smallint AS leg,
            (
                CASE
                    WHEN (o.fund <> 'cash'::fund_kind) THEN
                    CASE o.fund
                        WHEN 'free_round'::fund_kind THEN 'bonus'::text
                        WHEN 'bonus'::fund_kind THEN 'bonus'::text
                        WHEN 'jackpot'::fund_kind THEN 'jackpot'::text
                        WHEN 'promo'::fund_kind THEN 'promo'::text
                        WHEN 'difference'::fund_kind THEN 'difference'::text
                        WHEN 'suspense'::fund_kind THEN 'suspense'::text
                        ELSE NULL::text
                    END
                    WHEN (o.kind = 'adjustment'::operation_kind) THEN 'adjustment'::text
                    ELSE 'funding'::text
                END)::account_kind AS account,
            (- ((o.amount - o.payout) + o.stake)) AS amount
          WHERE ((- ((o.amount - o.payout) + o.stake)) <> 0)
        UNION ALL
         SELECT (9)::smallint AS leg,
            'player_wallet'::account_kind AS account,
            (- (LEAST(o.balance_after, (0)::bigint) - LEAST((o.balance_after - o.amount), (0)::bigint))) AS amount
          WHERE ((- (LEAST(o.balance_after, (0)::bigint) - LEAST((o.balance_after - o.amount), (0)::bigint))) <> 0)
        UNION ALL
         SELECT (10)::smallint AS leg,
            'player_receivable'::account_kind AS account,
            (LEAST(o.balance_after, (0)::bigint) - LEAST((o.balance_after - o.amount), (0)::bigint)) AS amount
          WHERE ((LEAST(o.balance_after, (0)::bigint) - LEAST((o.balance_after - o.amount), (0)::bigint)) <> 0)) l)
  WHERE (o.decision = 'accepted'::operation_decision);

CREATE VIEW logged_in_question AS
 SELECT b.provider,
    n.name
   FROM ((breaks b
     JOIN break_workflows w USING (break_id))
     CROSS JOIN LATERAL jsonb_array_elements_text(
        CASE jsonb_typeof((b.evidence -> 'logged'::text))
            WHEN 'array'::text THEN (b.evidence -> 'logged'::text)
            ELSE '[]'::jsonb
        END) n(name))
  WHERE ((b.cleared_at IS NULL) AND (w.state <> ALL (ARRAY['explained'::text, 'posted'::text, 'written_off'::text, 'closed'::text])));

CREATE VIEW rounds_in_question AS
 SELECT b.provider,
    b.round_id
   FROM (breaks b
     JOIN break_workflows w USING (break_id))
  WHERE ((b.cleared_at IS NULL) AND (w.state <> ALL (ARRAY['explained'::text, 'posted'::text, 'written_off'::text, 'closed'::text])))
UNION ALL
 SELECT a.provider,
    a.round_id
   FROM adjustments a
  WHERE ((a.state = ANY (ARRAY['proposed'::text, 'approved'::text])) AND (a.round_id IS NOT NULL));

CREATE VIEW unanswered_batches AS
 SELECT batch_id,
    committed_at,
    cause
   FROM find_unanswered_batches() find_unanswered_batches(batch_id, committed_at, cause);

CREATE VIEW unanswered_operations AS
 SELECT o.provider,
    o.op_key,
    o.kind,
    o.wallet_id,
    o.wallet_seq,
    o.currency,
    o.stake,
    o.payout,
    o.round_id,
    o.match_key,
    o.received_at,
    u.cause
   FROM (( SELECT o_1.wallet_id,
            o_1.wallet_seq,
            b.cause,
            o_1.batch_id AS after_batch,
            NULL::timestamptz AS after_instant
           FROM (unanswered_batches b
             JOIN operations o_1 USING (batch_id))
        UNION ALL
         SELECT o_1.wallet_id,
            o_1.wallet_seq,
            'connection_closed'::text,
            o_1.batch_id,
            l.lost_at
           FROM (( SELECT lost_answers.provider,
                    lost_answers.op_key,
                    max(lost_answers.lost_at) AS lost_at
                   FROM lost_answers
                  GROUP BY lost_answers.provider, lost_answers.op_key) l
             JOIN operations o_1 USING (provider, op_key))) u
     JOIN operations o USING (wallet_id, wallet_seq))
  WHERE ((o.decision = 'accepted'::operation_decision) AND ((o.stake <> 0) OR (o.payout <> 0)) AND (NOT (EXISTS ( SELECT
           FROM deliveries d
          WHERE ((d.provider = o.provider) AND (d.op_key = o.op_key) AND (d.verdict = 'repeated'::text) AND (d.batch_id > u.after_batch) AND ((u.after_instant IS NULL) OR (d.received_at > u.after_instant)) AND (NOT (EXISTS ( SELECT
                   FROM unanswered_batches n
                  WHERE (n.batch_id = d.batch_id)))))))) AND (NOT (EXISTS ( SELECT
           FROM operations r
          WHERE ((r.provider = o.provider) AND (r.reverses = o.op_key))))));

CREATE FUNCTION adjustments_must_be_tried() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM breaks WHERE break_id = NEW.break_id)
       AND NOT EXISTS (SELECT FROM correction_trials
                        WHERE break_id = NEW.break_id AND phase = TG_ARGV[0]
                          AND NEW.id = ANY (adjustments))
    THEN
        RAISE EXCEPTION 'adjustment % of break % has no trial of the phase %: reject it and'
                        ' propose it with `tieout breaks propose`',
                        NEW.id, NEW.break_id, TG_ARGV[0]
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'adjustments_tried';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION adjustments_must_follow_their_states() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN
           (('proposed', 'approved'), ('proposed', 'rejected'), ('approved', 'posted'))
       OR (OLD.id, OLD.player, OLD.currency, OLD.amount, OLD.reason, OLD.fund, OLD.proposed_by,
           OLD.proposed_at)
          <> (NEW.id, NEW.player, NEW.currency, NEW.amount, NEW.reason, NEW.fund,
              NEW.proposed_by, NEW.proposed_at)
       OR (OLD.break_id, OLD.provider, OLD.round_id, OLD.side)
          IS DISTINCT FROM (NEW.break_id, NEW.provider, NEW.round_id, NEW.side)
       OR (OLD.state = 'approved'
           AND (OLD.decided_by, OLD.decided_at) <> (NEW.decided_by, NEW.decided_at))
    THEN
        RAISE EXCEPTION 'adjustment % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'adjustments_states';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION adjustments_must_suit_their_break() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION archive_releases_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    unsigned record;
    reason text;
BEGIN
    IF (TG_OP = 'INSERT' AND NEW.state <> 'proposed')
       OR (TG_OP = 'UPDATE' AND (
           (OLD.release_id, OLD.archive_id, OLD.what, OLD.reason, OLD.proposed_by,
            OLD.proposed_at)
           <> (NEW.release_id, NEW.archive_id, NEW.what, NEW.reason, NEW.proposed_by,
               NEW.proposed_at)
           OR (OLD.state <> 'proposed'
               AND (OLD.state, OLD.decided_by, OLD.decided_at)
                   <> (NEW.state, NEW.decided_by, NEW.decided_at))
           OR (OLD.let_go_at IS NOT NULL AND OLD.let_go_at IS DISTINCT FROM NEW.let_go_at)))
    THEN
        RAISE EXCEPTION 'request % is proposed once and decided once', NEW.release_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_releases_follow';
    END IF;
    IF NEW.what = 'rows' AND (TG_OP = 'INSERT'
                              OR (OLD.state = 'proposed' AND NEW.state = 'approved')) THEN
        reason := (SELECT rows_stay_because(a.month) FROM archives a
                    WHERE a.archive_id = NEW.archive_id);
        IF reason IS NOT NULL THEN
            RAISE EXCEPTION 'the rows of % stay: %', NEW.archive_id, reason
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_releases_rows_last';
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'proposed' AND NEW.state = 'approved' THEN
        SELECT c.provider, c.business_day INTO unsigned
          FROM archives a
          JOIN day_closes c ON c.starts_at < (a.month + interval '1 month') AT TIME ZONE 'UTC'
                           AND c.ends_at > a.month::timestamp AT TIME ZONE 'UTC'
         WHERE a.archive_id = NEW.archive_id
           AND 'signed' IS DISTINCT FROM (
               SELECT s.action FROM day_steps s
                WHERE s.provider = c.provider AND s.business_day = c.business_day
                ORDER BY s.number DESC LIMIT 1)
         ORDER BY c.business_day, c.provider LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION '% of % is not signed', unsigned.business_day, unsigned.provider
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_releases_signed';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION archive_supplements_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM archives a JOIN archived_row_months m USING (month)
                    WHERE a.archive_id = NEW.archive_id) THEN
        RAISE EXCEPTION 'the rows of % do not leave', NEW.archive_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_supplements_follow';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION archived_days(hash bigint) RETURNS smallint[]
    LANGUAGE sql STABLE STRICT
    AS $$
    SELECT ARRAY(SELECT u.day FROM unnest(k.hashes, k.days) AS u (hash, day)
                  WHERE u.hash = archived_days.hash)
      FROM (SELECT hashes, days FROM archived_keys WHERE first_hash <= archived_days.hash
             ORDER BY first_hash DESC LIMIT 1) k
     WHERE archived_days.hash = ANY(k.hashes)
$$;

CREATE FUNCTION archived_row_digest(name text, printed json) RETURNS bytea
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    AS $$
    SELECT substring(sha256(convert_to('{"' || name || '":' || printed::text || E'}\n', 'UTF8'))
                     FOR 16)
$$;

CREATE FUNCTION archived_row_months_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.month = OLD.month AND NEW.begun_at = OLD.begun_at
           AND NEW.operations >= OLD.operations AND NEW.rounds >= OLD.rounds
           AND (OLD.let_go_at IS NULL OR NEW.let_go_at = OLD.let_go_at) THEN
            RETURN NEW;
        END IF;
    ELSIF NEW.let_go_at IS NULL AND (NEW.operations, NEW.rounds) = (0, 0)
          AND rows_stay_because(NEW.month) IS NULL
          AND NEW.month > coalesce((SELECT max(month) FROM archived_row_months), '-infinity')
          AND EXISTS (SELECT FROM archives a JOIN archive_releases r USING (archive_id)
                       WHERE a.month = NEW.month AND r.what = 'rows' AND r.state = 'approved')
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'append-only: % on archived_row_months is refused', TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archived_row_months_follow';
END $$;

CREATE FUNCTION archived_totals_only_grow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'append-only: UPDATE on archived_totals is refused'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archived_totals_append_only';
END $$;

CREATE FUNCTION archived_versions(hash bigint) RETURNS TABLE(content bigint, month smallint)
    LANGUAGE sql STABLE
    AS $$
    SELECT u.content, u.month
      FROM (SELECT k.hashes, k.contents, k.months FROM archived_records k
             WHERE k.first_hash <= archived_versions.hash
             ORDER BY k.first_hash DESC LIMIT 1) k,
           unnest(k.hashes, k.contents, k.months) AS u (hash, content, month)
     WHERE u.hash = archived_versions.hash
$$;

CREATE FUNCTION archives_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    last_day date := (NEW.month + interval '1 month')::date - 1;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM seals WHERE day = last_day) THEN
            RAISE EXCEPTION 'the month % is not sealed: its last day has no seal',
                            to_char(NEW.month, 'YYYY-MM')
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archives_are_sealed';
        END IF;
    ELSIF (NEW.archive_id, NEW.month, NEW.manifest_hash, NEW.rows, NEW.bytes, NEW.exported_by,
           NEW.exported_at)
          <> (OLD.archive_id, OLD.month, OLD.manifest_hash, OLD.rows, OLD.bytes,
              OLD.exported_by, OLD.exported_at) THEN
        RAISE EXCEPTION 'archive % stays as it was written', OLD.archive_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archives_stay';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION are_two_people(first text[], second text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT NOT EXISTS (
        SELECT FROM unnest(first) a, unnest(second) b
         WHERE regexp_replace(a, '^via ', '') = regexp_replace(b, '^via ', '')
           AND NOT (a LIKE 'via %' AND b LIKE 'via %'))
$$;

CREATE FUNCTION audit_names_people() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    SELECT person_id, current_setting('tieout.acting')::bigint
      INTO NEW.person_id, NEW.acting_id
      FROM people
     WHERE person_id = current_setting('tieout.person')::bigint AND name = NEW.actor;
    RETURN NEW;
END $$;

CREATE FUNCTION batches_entries_leave_once() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NEW.entries_at IS DISTINCT FROM OLD.entries_at
       AND (OLD.entries_at IS NOT NULL OR OLD.posted_at IS NULL
            OR current_setting('tieout.letting_go', true) IS DISTINCT FROM 'yes'
            OR NOT is_released(OLD.committed_at)) THEN
        RAISE EXCEPTION 'append-only: UPDATE of entries_at on batches is refused'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'batches_entries_leave_once';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION break_files_must_suit() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM break_notes
                    WHERE note_id = NEW.note_id AND kind = 'file'
                      AND digest = encode(sha256(NEW.content), 'hex')
                      AND size = length(NEW.content)) THEN
        RAISE EXCEPTION 'the bytes are not those of note %', NEW.note_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_files_suit';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION break_workflows_change_lists() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE listed_breaks t
       SET state = l.state, assignee = l.assignee, opened_at = l.opened_at
      FROM written l
     WHERE t.break_id = l.break_id
       AND (t.state, t.assignee, t.opened_at)
           IS DISTINCT FROM (l.state, l.assignee, l.opened_at);
    RETURN NULL;
END $$;

CREATE FUNCTION break_workflows_list_breaks() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO listed_breaks (opened_at, difference, began_at, cleared_at, state, provider, kind,
                               impact, currency, assignee, player, round_id, alias, games, break_id,
                               words)
    SELECT l.opened_at, b.difference, b.began_at, b.cleared_at, l.state, b.provider, b.kind, b.impact,
           b.currency, l.assignee, b.player, b.round_id, b.alias, b.games, b.break_id, b.words
      FROM written l JOIN breaks b USING (break_id);
    RETURN NULL;
END $$;

CREATE FUNCTION break_workflows_mark_days_on_update() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, true FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM (
SELECT b.provider, b.at + a.apart
  FROM (SELECT provider, coalesce(began_at, first_seen) AS at FROM (
SELECT b.* FROM was o JOIN written n USING (break_id) JOIN breaks b USING (break_id)
 WHERE (o.state, o.since) IS DISTINCT FROM (n.state, n.since)
) AS s) AS b
 CROSS JOIN (VALUES (interval '-1 hour'), (interval '0'), (interval '1 hour')) AS a (apart)
 UNION ALL
SELECT r.provider, r.first_at FROM (
SELECT b.* FROM was o JOIN written n USING (break_id) JOIN breaks b USING (break_id)
 WHERE (o.state, o.since) IS DISTINCT FROM (n.state, n.since)
) AS b
  JOIN rounds r ON r.match_key = b.match_key AND r.provider = b.provider
 UNION ALL
SELECT f.provider, f.created_at FROM (
SELECT b.* FROM was o JOIN written n USING (break_id) JOIN breaks b USING (break_id)
 WHERE (o.state, o.since) IS DISTINCT FROM (n.state, n.since)
) AS b
  JOIN feed_records f ON f.match_key = b.match_key AND f.provider = b.provider
) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND (true OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$;

CREATE FUNCTION break_workflows_must_follow_transitions() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION break_workflows_must_suit_write_offs() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF (NEW.state = 'written_off') <> EXISTS
           (SELECT FROM write_offs WHERE break_id = NEW.break_id AND state = 'booked') THEN
        RAISE EXCEPTION 'break % is % against its write-off', NEW.break_id, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_workflows_write_offs';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION breaks_change_lists() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE listed_breaks t
       SET difference = b.difference, began_at = b.began_at, cleared_at = b.cleared_at, kind = b.kind,
           impact = b.impact, currency = b.currency, player = b.player, round_id = b.round_id,
           alias = b.alias, games = b.games, words = b.words
      FROM written b
     WHERE t.break_id = b.break_id
       AND (t.difference, t.began_at, t.cleared_at, t.kind, t.impact, t.currency, t.player,
            t.round_id, t.alias, t.games, t.words)
           IS DISTINCT FROM
           (b.difference, b.began_at, b.cleared_at, b.kind, b.impact, b.currency, b.player,
            b.round_id, b.alias, b.games, b.words);
    RETURN NULL;
END $$;

CREATE FUNCTION breaks_mark_days_on_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, true FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM (
SELECT b.provider, b.at + a.apart
  FROM (SELECT provider, coalesce(began_at, first_seen) AS at FROM (SELECT * FROM written) AS s) AS b
 CROSS JOIN (VALUES (interval '-1 hour'), (interval '0'), (interval '1 hour')) AS a (apart)
 UNION ALL
SELECT r.provider, r.first_at FROM (SELECT * FROM written) AS b
  JOIN rounds r ON r.match_key = b.match_key AND r.provider = b.provider
 UNION ALL
SELECT f.provider, f.created_at FROM (SELECT * FROM written) AS b
  JOIN feed_records f ON f.match_key = b.match_key AND f.provider = b.provider
) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND (true OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$;

CREATE FUNCTION breaks_mark_days_on_update() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, true FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM (
SELECT b.provider, b.at + a.apart
  FROM (SELECT provider, coalesce(began_at, first_seen) AS at FROM (
SELECT n.* FROM was o JOIN written n USING (break_id)
 WHERE (o.cleared_at, o.began_at) IS DISTINCT FROM (n.cleared_at, n.began_at)
) AS s) AS b
 CROSS JOIN (VALUES (interval '-1 hour'), (interval '0'), (interval '1 hour')) AS a (apart)
 UNION ALL
SELECT r.provider, r.first_at FROM (
SELECT n.* FROM was o JOIN written n USING (break_id)
 WHERE (o.cleared_at, o.began_at) IS DISTINCT FROM (n.cleared_at, n.began_at)
) AS b
  JOIN rounds r ON r.match_key = b.match_key AND r.provider = b.provider
 UNION ALL
SELECT f.provider, f.created_at FROM (
SELECT n.* FROM was o JOIN written n USING (break_id)
 WHERE (o.cleared_at, o.began_at) IS DISTINCT FROM (n.cleared_at, n.began_at)
) AS b
  JOIN feed_records f ON f.match_key = b.match_key AND f.provider = b.provider
) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND (true OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$;

CREATE FUNCTION breaks_name_games() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    NEW.games := ARRAY(SELECT DISTINCT f.game FROM feed_records f
                        WHERE f.match_key = NEW.match_key AND f.provider = NEW.provider
                          AND f.game IS NOT NULL ORDER BY f.game);
    RETURN NEW;
END $$;

CREATE FUNCTION breaks_start_workflow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION bytes_may_only_go() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    expected record := OLD;
BEGIN
    expected.headers := '';
    expected.body := digest_of_bytes(OLD.headers, OLD.body);
    IF expected IS DISTINCT FROM NEW
       OR NOT is_released((SELECT committed_at FROM batches WHERE batch_id = OLD.batch_id)) THEN
        RAISE EXCEPTION 'append-only: UPDATE on % is refused', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION chain_position_at(wallet bigint, instant timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    first bigint;
    there record;
BEGIN
    SELECT seq + 1 INTO high FROM wallets WHERE wallet_id = wallet;
    first := high;
    WHILE low + 1 < high LOOP
        middle := (low + high) / 2;
        SELECT wallet_seq, received_at INTO there FROM operations
         WHERE wallet_id = wallet AND wallet_seq >= middle AND wallet_seq < high
         ORDER BY wallet_seq LIMIT 1;
        IF NOT FOUND THEN
            high := middle;
        ELSIF there.received_at < instant THEN
            low := there.wallet_seq;
        ELSE
            high := middle;
            first := there.wallet_seq;
        END IF;
    END LOOP;
    RETURN first;
END $$;

CREATE FUNCTION content_hash(content bytea) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT ('x' || encode(substring(content || '\x0000000000000000'::bytea FOR 8),
                          'hex'))::bit(64)::bigint
$$;

CREATE FUNCTION day_closes_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    last_action text;
BEGIN
    IF NEW.ends_at > clock_timestamp() THEN
        RAISE EXCEPTION 'the day % of % is not over', NEW.business_day, NEW.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'day_closes_day_is_over';
    END IF;
    SELECT action INTO last_action FROM day_steps
     WHERE provider = NEW.provider AND business_day = NEW.business_day
     ORDER BY number DESC LIMIT 1;
    IF last_action IN ('prepared', 'signed') THEN
        RAISE EXCEPTION '% of % is %: reopen it first',
            NEW.business_day, NEW.provider, last_action
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'day_closes_not_signed';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION day_number(at timestamp with time zone) RETURNS smallint
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    AS $$
    SELECT ((at AT TIME ZONE 'UTC')::date - DATE '1970-01-01')::smallint
$$;

CREATE FUNCTION day_steps_must_follow() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    last day_steps;
    closed day_closes;
    before text;
    fault text;
    rule text := 'day_steps_follow';
BEGIN
    NEW.eyes := eyes_of(NEW.by_name);
    SELECT * INTO closed FROM day_closes
     WHERE provider = NEW.provider AND business_day = NEW.business_day FOR SHARE;
    SELECT * INTO last FROM day_steps
     WHERE provider = NEW.provider AND business_day = NEW.business_day
     ORDER BY number DESC LIMIT 1;
    before := coalesce(last.action, 'closed');
    NEW.close_no := closed.close_no;
    IF NEW.number <> coalesce(last.number, 0) + 1 THEN
        fault := 'somebody took another step meanwhile';
    ELSIF closed.ends_at > clock_timestamp() THEN
        fault := 'the day is not over';
    ELSIF NEW.action = 'reopened' AND before NOT IN ('prepared', 'signed') THEN
        fault := 'nothing is prepared or signed';
    ELSIF NEW.action <> 'reopened' AND before = 'signed' THEN
        fault := 'it is signed';
    ELSIF NEW.action <> 'reopened' AND before = 'reopened' AND closed.close_no <= last.close_no
          AND closed.starts_at >= rows_begin_at() THEN
        fault := 'it was not closed again';
    ELSIF NEW.action = 'signed' AND NEW.two_people AND before <> 'prepared' THEN
        fault := 'it is not prepared';
    ELSIF NEW.action = 'signed' AND NEW.two_people AND NEW.figures <> last.figures THEN
        fault := 'it changed since it was prepared';
    ELSIF NEW.two_people AND NOT are_two_people(last.eyes, NEW.eyes)
          AND (NEW.action = 'signed' OR (NEW.action = 'reopened' AND before = 'signed')) THEN
        fault := 'two steps by one person, or by accounts of one operating-system user';
        rule := 'day_steps_two_people';
    END IF;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION '% of % cannot be %: %', NEW.business_day, NEW.provider, NEW.action, fault
            USING ERRCODE = 'restrict_violation', CONSTRAINT = rule;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION digest_of_bytes(headers text, body bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT
    AS $$
    SELECT '\x00'::bytea
           || substring(sha256(convert_to(headers, 'UTF8') || '\x00'::bytea || body) FOR 16)
$$;

CREATE FUNCTION discard_parked(ids bigint[], seen integer[]) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    taken bigint[] := parked_as_seen(ids, seen);
BEGIN
    DELETE FROM parked WHERE parked_id = ANY(taken);
    RETURN QUERY SELECT unnest(taken);
END $$;

CREATE FUNCTION dispute_lines_must_suit() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM disputes d
                     JOIN breaks b ON b.provider = d.provider AND b.break_id = NEW.break_id
                     JOIN break_workflows l USING (break_id)
                    WHERE d.dispute_id = NEW.dispute_id AND l.state = 'waiting') THEN
        RAISE EXCEPTION 'break % is none that waits for the provider of dispute %',
            NEW.break_id, NEW.dispute_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'dispute_lines_suit';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION entries_may_only_leave() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM archived_entries a
         WHERE a.wallet_id = OLD.wallet_id AND a.wallet_seq = OLD.wallet_seq AND a.leg = OLD.leg
           AND (a.account, a.provider, a.match_key, a.currency, a.amount, a.posted_at)
               = (OLD.account, OLD.provider, OLD.match_key, OLD.currency, OLD.amount,
                  OLD.posted_at))
       OR NOT is_released((SELECT b.committed_at FROM operations o JOIN batches b USING (batch_id)
                            WHERE o.wallet_id = OLD.wallet_id
                              AND o.wallet_seq = OLD.wallet_seq)) THEN
        RAISE EXCEPTION 'append-only: DELETE on % is refused', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION entries_must_sum_to_zero() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    unbalanced record;
BEGIN
    SELECT wallet_id, wallet_seq, currency, sum(amount) AS total INTO unbalanced
      FROM written GROUP BY wallet_id, wallet_seq, currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entries of txn-%-% do not sum to zero: % %',
            unbalanced.wallet_id, unbalanced.wallet_seq, unbalanced.total, unbalanced.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION eyes_of(by_name text) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    named people;
    takers bigint[];
    session_of bigint[] := coalesce(
        nullif(current_setting('tieout.session', true), '')::bigint[], ARRAY[]::bigint[]);
BEGIN
    SELECT * INTO named FROM people WHERE name = by_name FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nobody is registered as %', quote_literal(by_name)
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'people_are_registered';
    END IF;
    IF named.disabled_at IS NOT NULL THEN
        RAISE EXCEPTION '% is disabled', by_name
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'people_are_enabled';
    END IF;
    takers := ARRAY[named.person_id,
                    nullif(current_setting('tieout.person', true), '')::bigint,
                    nullif(current_setting('tieout.acting', true), '')::bigint];
    RETURN ARRAY(
        SELECT CASE WHEN bool_or(takes) THEN eye ELSE 'via ' || eye END
          FROM (SELECT eye, person_id = ANY(array_remove(takers, NULL)) AS takes
                  FROM people p
                 CROSS JOIN LATERAL (VALUES ('person:' || p.person_id),
                                            ('os:' || p.os_user)) e (eye)
                 WHERE p.person_id = ANY(array_remove(takers, NULL) || session_of)
                   AND eye IS NOT NULL) eyes
         GROUP BY eye ORDER BY eye);
END $$;

CREATE FUNCTION feed_file_parts_may_only_leave() RETURNS trigger
    LANGUAGE plpgsql
    SET "TimeZone" TO 'UTC'
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM gone g
                WHERE NOT EXISTS (SELECT FROM archived_files a WHERE a.file_id = g.file_id)
                   OR EXISTS (SELECT FROM feed_file_parts p WHERE p.file_id = g.file_id)
                   OR NOT EXISTS (SELECT FROM feed_files f
                                   WHERE f.file_id = g.file_id
                                     AND f.received_at < rows_begin_at())
                   OR NOT EXISTS (SELECT FROM archived_row_digests d
                                   WHERE d.digest = archived_row_digest(TG_TABLE_NAME,
                                                                        row_to_json(g)))) THEN
        RAISE EXCEPTION 'append-only: DELETE on % is refused: no supplement has the row',
                        TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION feed_records_mark_days_on_delete() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, false FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM (
SELECT provider, created_at FROM was
 UNION ALL
SELECT f.provider, f.created_at FROM was x
  JOIN feed_records f ON f.match_key = x.match_key AND f.provider = x.provider
 WHERE x.rolled_back
 UNION ALL 
SELECT r.provider, r.first_at FROM was x
  JOIN rounds r ON r.match_key = x.match_key AND r.provider = x.provider
) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND (false OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$;

CREATE FUNCTION feed_records_mark_days_on_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    
SELECT array_agg(DISTINCT provider) INTO unlisted FROM summed_days WHERE NOT lists_unreported;
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, false FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM (
SELECT provider, created_at FROM written
 UNION ALL
SELECT f.provider, f.created_at FROM written x
  JOIN feed_records f ON f.match_key = x.match_key AND f.provider = x.provider
 WHERE x.rolled_back
 UNION ALL 
SELECT r.provider, r.first_at FROM written x
  JOIN rounds r ON r.match_key = x.match_key AND r.provider = x.provider
 WHERE x.continues OR x.provider = ANY(unlisted)
 UNION ALL
SELECT d.provider, d.starts_at FROM written x
  JOIN day_unreported_rounds u ON u.match_key = x.match_key
  JOIN summed_days d ON d.day_id = u.day_id AND d.provider = x.provider
) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND (false OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$;

CREATE FUNCTION feed_records_mark_days_on_update() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, false FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM (
SELECT provider, created_at FROM was
 UNION ALL
SELECT f.provider, f.created_at FROM was x
  JOIN feed_records f ON f.match_key = x.match_key AND f.provider = x.provider
 WHERE x.rolled_back
 UNION ALL 
SELECT provider, created_at FROM written
 UNION ALL
SELECT f.provider, f.created_at FROM written x
  JOIN feed_records f ON f.match_key = x.match_key AND f.provider = x.provider
 WHERE x.rolled_back
 UNION ALL 
SELECT r.provider, r.first_at
  FROM (SELECT o.provider, k.match_key
          FROM was o JOIN written n USING (provider, record_id, occurrence)
         CROSS JOIN LATERAL (VALUES (o.match_key), (n.match_key)) AS k (match_key)
         WHERE (o.game, o.match_key) IS DISTINCT FROM (n.game, n.match_key)) x
  JOIN rounds r ON r.match_key = x.match_key AND r.provider = x.provider
) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND (false OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$;

CREATE FUNCTION feed_rows_may_only_leave() RETURNS trigger
    LANGUAGE plpgsql
    SET "TimeZone" TO 'UTC'
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    is_kept boolean := true;
BEGIN
    IF TG_TABLE_NAME = 'feed_records' THEN
        is_kept := NOT EXISTS (
            SELECT FROM gone g
             WHERE g.created_at >= rows_begin_at()
                OR NOT EXISTS (SELECT FROM archived_versions(
                                   record_hash(g.provider, g.record_id))));
    ELSIF TG_TABLE_NAME = 'deliveries' THEN
        is_kept := NOT EXISTS (
            SELECT FROM gone g LEFT JOIN batches b USING (batch_id)
             WHERE coalesce(b.committed_at, 'infinity') >= rows_begin_at());
    ELSIF TG_TABLE_NAME = 'feed_versions' THEN
        is_kept := NOT EXISTS (
            SELECT FROM gone g
             WHERE g.received_at >= rows_begin_at()
                OR content_hash(g.content) NOT IN (
                       SELECT v.content FROM archived_versions(
                           record_hash(g.provider, g.record_id)) v));
    END IF;
    IF NOT is_kept OR EXISTS (
        SELECT FROM gone g
         WHERE NOT EXISTS (SELECT FROM archived_row_digests d
                            WHERE d.digest = archived_row_digest(TG_TABLE_NAME, row_to_json(g))))
    THEN
        RAISE EXCEPTION 'append-only: DELETE on % is refused: no supplement has the row',
                        TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION files_to_leave(until timestamp with time zone) RETURNS SETOF bigint
    LANGUAGE sql STABLE
    AS $$
    SELECT f.file_id FROM feed_files f
     WHERE f.received_at < until
       AND EXISTS (SELECT FROM feed_file_parts p WHERE p.file_id = f.file_id)
       AND NOT EXISTS (SELECT FROM feed_findings g
                        WHERE g.provider = f.provider AND g.feed = f.feed
                          AND g.scope = encode(f.digest, 'hex') AND g.resolved_at IS NULL)
       AND NOT EXISTS (SELECT FROM feed_file_records l
                        WHERE l.file_id = f.file_id
                          AND NOT EXISTS (SELECT FROM leaving_records r
                                           WHERE r.provider = f.provider
                                             AND r.record_id = l.record_id)
                          AND NOT EXISTS (SELECT FROM feed_withdrawals w
                                           WHERE w.provider = f.provider
                                             AND w.record_id = l.record_id))
$$;

CREATE FUNCTION find_unanswered_batches() RETURNS TABLE(batch_id bigint, committed_at timestamp with time zone, cause text)
    LANGUAGE plpgsql STABLE ROWS 10
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
DECLARE
    ended record;
BEGIN
    FOR ended IN
        SELECT s.session_id, greatest(s.answered_through, last.answered_through) AS through,
               CASE WHEN s.ended_at IS NULL THEN 'receiver_stopped'
                    ELSE 'commit_unknown' END AS cause
          FROM receiver_sessions s
         CROSS JOIN LATERAL (
               SELECT n.batch_id, n.answered_through FROM batches n
                WHERE n.session_id = s.session_id ORDER BY n.batch_id DESC LIMIT 1) last
         WHERE last.batch_id > greatest(s.answered_through, last.answered_through)
    LOOP
        RETURN QUERY
        SELECT b.batch_id, b.committed_at, ended.cause FROM batches b
         WHERE b.session_id = ended.session_id AND b.batch_id > ended.through
           AND b.committed_at < now() - interval '1 minute';
    END LOOP;
END $$;

CREATE FUNCTION fund_requests_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
END $$;

CREATE FUNCTION handles_mark_days_on_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, false FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM (
SELECT f.provider, f.created_at
  FROM feed_records u JOIN feed_records f USING (match_key, provider)
 WHERE u.rolled_back AND (u.provider, u.handle) IN (
       SELECT provider, handle FROM written
        UNION SELECT provider, player FROM written
        UNION
       SELECT h.provider, h.handle FROM written w JOIN handles h USING (provider, player))
) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND (false OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$;

CREATE FUNCTION invoice_steps_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
END $$;

CREATE FUNCTION is_digest(body bytea) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT
    AS $$
    SELECT octet_length(body) = 17 AND get_byte(body, 0) = 0
$$;

CREATE FUNCTION is_history_away(provider text, round_id text, match_key bigint) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT archived_days(is_history_away.match_key) IS NOT NULL
       AND EXISTS (SELECT FROM archive_supplements)
       AND NOT EXISTS (
           SELECT FROM recalled_histories h
            WHERE h.provider = is_history_away.provider
              AND h.round_id = is_history_away.round_id
              AND h.recalled_at > (SELECT max(s.written_at) FROM archive_supplements s))
$$;

CREATE FUNCTION is_name_absent(kind text, provider text, name text, hash bigint) RETURNS boolean
    LANGUAGE sql STABLE STRICT
    AS $$
    SELECT EXISTS (SELECT FROM recalls r
                    WHERE r.hash = is_name_absent.hash AND r.operations = 0
                      AND (r.kind, r.provider, r.name)
                          = (is_name_absent.kind, is_name_absent.provider, is_name_absent.name))
$$;

CREATE FUNCTION is_operation_away(provider text, op_key text) RETURNS boolean
    LANGUAGE sql STABLE STRICT
    AS $$
    SELECT archived_days(h.hash) IS NOT NULL
           AND NOT is_name_absent('operation', is_operation_away.provider, op_key, h.hash)
           AND NOT EXISTS (SELECT FROM operations o
                            WHERE o.provider = is_operation_away.provider
                              AND o.op_key = is_operation_away.op_key)
      FROM (SELECT operation_hash(is_operation_away.provider, is_operation_away.op_key)
            OFFSET 0) h (hash)
$$;

CREATE FUNCTION is_released(at timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (SELECT FROM archives a JOIN archive_releases r USING (archive_id)
                    WHERE r.state = 'approved' AND r.what = 'bytes'
                      AND a.month = date_trunc('month', at AT TIME ZONE 'UTC')::date)
$$;

CREATE FUNCTION is_round_away(provider text, round_id text, match_key bigint) RETURNS boolean
    LANGUAGE sql STABLE STRICT
    AS $$
    SELECT archived_days(is_round_away.match_key) IS NOT NULL
           AND NOT is_name_absent('round', is_round_away.provider, is_round_away.round_id,
                                  is_round_away.match_key)
           AND NOT EXISTS (SELECT FROM rounds d
                            WHERE d.match_key = is_round_away.match_key
                              AND d.provider = is_round_away.provider
                              AND d.round_id = is_round_away.round_id)
$$;

CREATE FUNCTION job_files_come_in_time() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM jobs WHERE job_id = NEW.job_id
                      AND state = CASE NEW.direction WHEN 'in' THEN 'queued'
                                                     ELSE 'running' END) THEN
        RAISE EXCEPTION 'job % takes no file now', NEW.job_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'job_files_come_in_time';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION jobs_are_requested() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    person bigint := nullif(current_setting('tieout.person', true), '')::bigint;
BEGIN
    PERFORM eyes_of(NEW.requested_by);
    IF NOT EXISTS (SELECT FROM people
                    WHERE person_id = person AND name = NEW.requested_by) THEN
        RAISE EXCEPTION '% is not who requests this job', quote_literal(NEW.requested_by)
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'jobs_are_requested';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION jobs_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF (OLD.job_id, OLD.kind, OLD.title, OLD.arguments, OLD.heavy, OLD.digest, OLD.requested_by,
        OLD.requested_at)
       <> (NEW.job_id, NEW.kind, NEW.title, NEW.arguments, NEW.heavy, NEW.digest,
           NEW.requested_by, NEW.requested_at) THEN
        RAISE EXCEPTION 'job % keeps what was requested', OLD.job_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'jobs_keep_their_request';
    END IF;
    IF NEW.state <> OLD.state
       AND NOT (OLD.state = 'queued' AND NEW.state IN ('running', 'cancelled'))
       AND NOT (OLD.state = 'running' AND NEW.state IN ('done', 'failed', 'interrupted')) THEN
        RAISE EXCEPTION 'job % is %: it cannot be % now', OLD.job_id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'jobs_must_follow';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION journals_must_balance() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
END $$;

CREATE FUNCTION journals_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
END $$;

CREATE FUNCTION keep_eyes() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.proposed_eyes := eyes_of(NEW.proposed_by);
        NEW.decided_eyes := CASE WHEN NEW.decided_by IS NOT NULL
                                 THEN eyes_of(NEW.decided_by) END;
        RETURN NEW;
    END IF;
    -- A proposal from before people were registered keeps its proposer's name.
    NEW.proposed_eyes := coalesce(OLD.proposed_eyes, (
        SELECT ARRAY['person:' || person_id] || CASE WHEN os_user IS NOT NULL
                                                     THEN ARRAY['os:' || os_user] END
          FROM people WHERE name = OLD.proposed_by));
    -- A run rejects what would repair a break that it no longer finds.
    NEW.decided_eyes := CASE WHEN OLD.decided_by IS NOT NULL OR NEW.decided_by IS NULL
                             THEN OLD.decided_eyes
                             WHEN NEW.state <> 'rejected' OR NEW.decided_by <> 'reconcile'
                             THEN eyes_of(NEW.decided_by) END;
    RETURN NEW;
END $$;

CREATE FUNCTION keep_superseded_feed_record() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO feed_superseded
    SELECT o.provider, o.record_id, o.occurrence, o.round_id, o.handle, o.currency, o.stake,
           o.payout, o.rolled_back, o.created_at, o.updated_at, o.received_at, o.stored_no,
           n.stored_no
      FROM old_records o JOIN new_records n USING (provider, record_id, occurrence)
     WHERE n.stored_no <> o.stored_no
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION leaving_deliveries(until timestamp with time zone) RETURNS SETOF deliveries
    LANGUAGE sql STABLE
    AS $$
    SELECT d.* FROM batches b JOIN deliveries d USING (batch_id)
     WHERE b.committed_at < until AND d.headers = '' AND is_digest(d.body)
       AND d.parked_at IS NULL
       AND (d.verdict NOT IN ('recorded', 'malformed') OR d.ingested_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM operations o
                        WHERE o.provider = d.provider AND o.op_key = d.op_key)
$$;

CREATE FUNCTION leaving_logged(until timestamp with time zone) RETURNS SETOF provider_deliveries
    LANGUAGE sql STABLE
    AS $$
    SELECT p.* FROM provider_deliveries p
     WHERE p.attempted_at < until AND p.pulled_at < until
       AND NOT EXISTS (SELECT FROM logged_in_question q
                        WHERE q.provider = p.provider
                          AND q.name = p.webhook_id || '/' || p.delivery_id)
$$;

CREATE FUNCTION ledger_epoch(batch bigint) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(max(epoch), 0) FROM restores WHERE after_batch < batch
$$;

CREATE FUNCTION let_go_of_deliveries(ids bigint[], digests bytea[], OUT gone bigint, OUT settled bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    WITH archived AS (
        SELECT q.digest, d.delivery_id,
               d.verdict IN ('recorded', 'malformed') AND d.ingested_at IS NULL AS stays,
               d.body = q.digest AS went
          FROM unnest(ids, digests) AS q (delivery_id, digest)
          JOIN deliveries d USING (delivery_id)
    ), updated AS (
        UPDATE deliveries d SET headers = '', body = a.digest
          FROM archived a
         WHERE d.delivery_id = a.delivery_id AND NOT a.stays AND NOT a.went
           AND digest_of_bytes(d.headers, d.body) = a.digest
        RETURNING 1)
    SELECT (SELECT count(*) FROM updated),
           (SELECT count(*) FROM archived WHERE stays OR went)
      INTO gone, settled;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION let_go_of_delivery_rows(first bigint, beyond bigint, cut timestamp with time zone, OUT gone bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN
    IF cut > rows_begin_at() THEN
        RAISE EXCEPTION 'append-only: rows from % on stay', rows_begin_at()
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'deliveries_append_only';
    END IF;
    PERFORM set_config('tieout.letting_go', 'yes', true);
    DELETE FROM deliveries d USING batches b
     WHERE d.delivery_id >= first AND d.delivery_id < beyond
       AND b.batch_id = d.batch_id AND b.committed_at < cut
       AND d.headers = '' AND is_digest(d.body) AND d.parked_at IS NULL
       AND (d.verdict NOT IN ('recorded', 'malformed') OR d.ingested_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM operations o
                        WHERE o.provider = d.provider AND o.op_key = d.op_key)
       AND EXISTS (SELECT FROM archived_row_digests x
                    WHERE x.digest = archived_row_digest('deliveries', row_to_json(d)));
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION let_go_of_entries(ids bigint[], OUT gone bigint, OUT kept bigint[]) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
    leaving bigint[];
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    UPDATE operations o SET swept = e.amount
      FROM entries e
     WHERE o.batch_id = ANY(ids) AND o.swept IS NULL
       AND e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq AND e.leg = 6;
    WITH posted AS (
        SELECT o.batch_id, e.*
          FROM operations o JOIN entries e USING (wallet_id, wallet_seq)
         WHERE o.batch_id = ANY(ids)
    )
    SELECT coalesce(array_agg(DISTINCT batch_id), '{}') INTO kept FROM (
        SELECT coalesce(p.batch_id, r.batch_id) AS batch_id
          FROM posted p
          FULL JOIN (SELECT * FROM entries_by_rule WHERE batch_id = ANY(ids)) r
            ON r.wallet_id = p.wallet_id AND r.wallet_seq = p.wallet_seq AND r.leg = p.leg
         WHERE (p.account, p.provider, p.match_key, p.currency, p.amount)
               IS DISTINCT FROM (r.account, r.provider, r.match_key, r.currency, r.amount)
         UNION ALL
        SELECT batch_id FROM posted GROUP BY batch_id HAVING min(posted_at) <> max(posted_at)) d;
    leaving := ARRAY(SELECT unnest(ids) EXCEPT SELECT unnest(kept));
    UPDATE batches b
       SET entries_at = coalesce((SELECT min(e.posted_at)
                                    FROM operations o JOIN entries e USING (wallet_id, wallet_seq)
                                   WHERE o.batch_id = b.batch_id), b.posted_at)
     WHERE b.batch_id = ANY(leaving);
    WITH deleted AS (
        DELETE FROM entries e USING operations o
         WHERE o.batch_id = ANY(leaving)
           AND e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq
        RETURNING o.batch_id, e.account, e.provider, e.currency, e.amount
    ), summed AS (
        INSERT INTO archived_totals AS t (month, account, provider, currency, amount, entries)
        SELECT date_trunc('month', b.committed_at AT TIME ZONE 'UTC')::date, d.account,
               d.provider, d.currency, sum(d.amount), count(*)
          FROM deleted d JOIN batches b USING (batch_id)
         GROUP BY 1, 2, 3, 4
        ON CONFLICT ON CONSTRAINT archived_totals_pkey DO UPDATE
           SET amount = t.amount + EXCLUDED.amount, entries = t.entries + EXCLUDED.entries)
    SELECT count(*) INTO gone FROM deleted;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION let_go_of_file(file bigint, archive text, supplement integer, until timestamp with time zone, OUT gone boolean) RETURNS boolean
    LANGUAGE plpgsql
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('feed ' || f.provider, 0))
       FROM feed_files f WHERE f.file_id = file;
    DELETE FROM leaving_files WHERE file_id = file;
    gone := FOUND AND EXISTS (SELECT FROM files_to_leave(until) AS l (file_id)
                               WHERE l.file_id = file);
    IF gone THEN
        INSERT INTO archived_files (file_id, archive_id, number)
        VALUES (file, archive, supplement);
        PERFORM set_config('tieout.letting_go', 'yes', true);
        DELETE FROM feed_file_parts WHERE file_id = file;
        PERFORM set_config('tieout.letting_go', '', true);
    END IF;
END $$;

CREATE FUNCTION let_go_of_logged(slug text, since timestamp with time zone, until timestamp with time zone, cut timestamp with time zone, OUT gone bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    DELETE FROM provider_deliveries p
     WHERE p.provider = slug AND p.attempted_at >= since AND p.attempted_at < until
       AND (p.provider, p.webhook_id, p.delivery_id) IN (
           SELECT l.provider, l.webhook_id, l.delivery_id FROM leaving_logged(cut) l
            WHERE l.provider = slug AND l.attempted_at >= since AND l.attempted_at < until)
       AND EXISTS (SELECT FROM archived_row_digests d
                    WHERE d.digest = archived_row_digest('provider_deliveries', row_to_json(p)));
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION let_go_of_operations(wallets bigint[], positions bigint[], digests bytea[], OUT gone bigint, OUT settled bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    WITH archived AS (
        SELECT q.digest, o.wallet_id, o.wallet_seq,
               o.provider = 'tieout' OR o.kind = 'adjustment' AS stays, o.body = q.digest AS went
          FROM unnest(wallets, positions, digests) AS q (wallet_id, wallet_seq, digest)
          JOIN operations o USING (wallet_id, wallet_seq)
    ), updated AS (
        UPDATE operations o
           SET headers = '', body = a.digest,
               swept = coalesce(o.swept, (SELECT e.amount FROM entries e
                                           WHERE e.wallet_id = o.wallet_id
                                             AND e.wallet_seq = o.wallet_seq AND e.leg = 6))
          FROM archived a
         WHERE o.wallet_id = a.wallet_id AND o.wallet_seq = a.wallet_seq
           AND NOT a.stays AND NOT a.went
           AND digest_of_bytes(o.headers, o.body) = a.digest
        RETURNING 1)
    SELECT (SELECT count(*) FROM updated),
           (SELECT count(*) FROM archived WHERE stays OR went)
      INTO gone, settled;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION let_go_of_records(part bigint, OUT records bigint, OUT kept text[]) RETURNS record
    LANGUAGE plpgsql
    SET "TimeZone" TO 'UTC'
    AS $$
DECLARE
    slug text;
BEGIN
    FOR slug IN SELECT DISTINCT l.provider FROM leaving_records l WHERE l.chunk = part
                 ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('feed ' || slug, 0));
    END LOOP;
    PERFORM set_config('tieout.letting_go', 'yes', true);
    WITH present AS (
        SELECT r.provider, r.record_id,
               archived_row_digest('feed_records', row_to_json(r)) AS digest
          FROM leaving_records l JOIN feed_records r USING (provider, record_id)
         WHERE l.chunk = part
         UNION ALL
        SELECT v.provider, v.record_id, archived_row_digest('feed_versions', row_to_json(v))
          FROM leaving_records l JOIN feed_versions v USING (provider, record_id)
         WHERE l.chunk = part
         UNION ALL
        SELECT u.provider, u.record_id, archived_row_digest('feed_superseded', row_to_json(u))
          FROM leaving_records l JOIN feed_superseded u USING (provider, record_id)
         WHERE l.chunk = part
         UNION ALL
        SELECT l.provider, l.record_id, archived_row_digest('feed_file_records', row_to_json(x))
          FROM leaving_listings l JOIN feed_file_records x USING (file_id, record_id, occurrence)
         WHERE l.chunk = part
    ), changed AS (
        DELETE FROM leaving_records l
         WHERE l.chunk = part AND (l.provider, l.record_id) IN (
               SELECT p.provider, p.record_id FROM present p
                WHERE NOT EXISTS (SELECT FROM archived_row_digests d WHERE d.digest = p.digest))
        RETURNING l.provider || ' ' || l.record_id AS name)
    SELECT array_agg(name ORDER BY name) INTO kept FROM changed;
    DELETE FROM feed_file_records x USING leaving_listings i, leaving_records l
     WHERE i.chunk = part AND l.provider = i.provider AND l.record_id = i.record_id
       AND x.file_id = i.file_id AND x.record_id = i.record_id
       AND x.occurrence = i.occurrence;
    DELETE FROM feed_superseded u USING leaving_records l
     WHERE l.chunk = part AND u.provider = l.provider AND u.record_id = l.record_id;
    DELETE FROM feed_versions v USING leaving_records l
     WHERE l.chunk = part AND v.provider = l.provider AND v.record_id = l.record_id;
    DELETE FROM feed_records r USING leaving_records l
     WHERE l.chunk = part AND r.provider = l.provider AND r.record_id = l.record_id;
    DELETE FROM leaving_listings i WHERE i.chunk = part;
    DELETE FROM leaving_records l WHERE l.chunk = part;
    GET DIAGNOSTICS records = ROW_COUNT;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION let_go_of_rows(part bigint, until timestamp with time zone, OUT operations bigint, OUT rounds bigint, OUT wrong text[]) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
    keys bigint[];
    stay bigint[];
    differ bigint[];
    wallets bigint[];
    positions bigint[];
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    SELECT array_agg(DISTINCT l.match_key), array_agg(l.wallet_id), array_agg(l.wallet_seq)
      INTO keys, wallets, positions
      FROM leaving_operations l WHERE l.chunk = part;
    -- Posting adds to these rounds before, or finds none after.
    PERFORM FROM rounds r WHERE r.match_key = ANY (keys)
      ORDER BY r.match_key, r.provider, r.round_id, r.wallet_id FOR UPDATE;
    stay := ARRAY(
        SELECT o.match_key FROM batches b JOIN operations o USING (batch_id)
         WHERE b.posted_at IS NULL AND b.parked_at IS NULL AND o.match_key = ANY (keys)
         UNION
        SELECT o.match_key FROM batches b JOIN operations o USING (batch_id)
         WHERE b.posted_at IS NULL AND b.parked_at IS NOT NULL AND o.match_key = ANY (keys)
         UNION
        SELECT r.match_key FROM rounds r WHERE r.match_key = ANY (keys) AND r.last_at >= until
         UNION
        SELECT r.match_key FROM rounds r JOIN rounds_in_question q USING (provider, round_id)
         WHERE r.match_key = ANY (keys)
         UNION
        SELECT o.match_key
          FROM unnest(wallets, positions) AS q (wallet_id, wallet_seq)
          JOIN operations o USING (wallet_id, wallet_seq)
          JOIN operations u ON u.provider = o.provider AND u.op_key = o.reverses
         WHERE u.match_key <> o.match_key);
    differ := ARRAY(
        SELECT DISTINCT match_key
          FROM (SELECT * FROM rounds r WHERE r.match_key = ANY (keys)) r
          FULL JOIN rounds_by_rule(wallets, positions) e
               USING (match_key, provider, round_id, wallet_id)
         WHERE (r.currency, r.stake, r.payout, r.swept, r.bets, r.wins, r.rollbacks, r.ended,
                r.declared_stake, r.declared_payout, r.first_at, r.last_at)
               IS DISTINCT FROM
               (e.currency, e.stake, e.payout, e.swept, e.bets, e.wins, e.rollbacks, e.ended,
                e.declared_stake, e.declared_payout, e.first_at, e.last_at));
    wrong := ARRAY(SELECT DISTINCT r.provider || ' ' || r.round_id FROM rounds r
                    WHERE r.match_key = ANY (differ) AND r.match_key <> ALL (stay));
    stay := stay || differ;
    DELETE FROM rounds r WHERE r.match_key = ANY (keys) AND r.match_key <> ALL (stay);
    GET DIAGNOSTICS rounds = ROW_COUNT;
    DELETE FROM operations o USING leaving_operations l
     WHERE l.chunk = part AND l.match_key <> ALL (stay)
       AND o.wallet_id = l.wallet_id AND o.wallet_seq = l.wallet_seq;
    GET DIAGNOSTICS operations = ROW_COUNT;
    DELETE FROM leaving_operations l WHERE l.chunk = part AND l.match_key <> ALL (stay);
    UPDATE archived_row_months m
       SET operations = m.operations + let_go_of_rows.operations,
           rounds = m.rounds + let_go_of_rows.rounds
     WHERE m.at = until;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION let_go_of_versions(ids bigint[], digests bytea[], OUT gone bigint, OUT settled bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    WITH archived AS (
        SELECT q.digest, v.version_id, v.raw = q.digest AS went
          FROM unnest(ids, digests) AS q (version_id, digest)
          JOIN feed_versions v USING (version_id)
    ), updated AS (
        UPDATE feed_versions v SET raw = a.digest
          FROM archived a
         WHERE v.version_id = a.version_id AND NOT a.went
           AND digest_of_bytes('', v.raw) = a.digest
        RETURNING 1)
    SELECT (SELECT count(*) FROM updated), (SELECT count(*) FROM archived WHERE went)
      INTO gone, settled;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION limit_versions_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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
END $$;

CREATE FUNCTION lines_may_only_go() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    expected record := OLD;
BEGIN
    expected.raw := digest_of_bytes('', OLD.raw);
    IF expected IS DISTINCT FROM NEW OR NOT is_released(OLD.received_at) THEN
        RAISE EXCEPTION 'append-only: UPDATE on % is refused', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION merge_archived_keys(since bigint, OUT next bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    PERFORM set_config('tieout.counting', 'yes', true);
    next := least((SELECT hash FROM leaving_keys WHERE hash > since
                    ORDER BY hash OFFSET 100000 LIMIT 1),
                  (SELECT first_hash FROM archived_keys WHERE first_hash > since
                    ORDER BY first_hash OFFSET 700 LIMIT 1));
    first := coalesce((SELECT max(first_hash) FROM archived_keys WHERE first_hash <= since),
                      since);
    WITH replaced AS (
        DELETE FROM archived_keys k
         WHERE k.first_hash >= first AND (next IS NULL OR k.first_hash < next)
        RETURNING k.hashes, k.days
    ), was AS MATERIALIZED (
        SELECT u.hash, u.day FROM replaced k, unnest(k.hashes, k.days) AS u (hash, day)
    ), merged AS MATERIALIZED (
        SELECT hash, day FROM leaving_keys
         WHERE hash >= since AND (next IS NULL OR hash < next)
         UNION
        SELECT hash, day FROM was
    ), written AS (
        INSERT INTO archived_keys (first_hash, hashes, days)
        SELECT min(hash), array_agg(hash ORDER BY hash, day), array_agg(day ORDER BY hash, day)
          FROM (SELECT m.hash, m.day, (rank() OVER (ORDER BY m.hash) - 1) / 150 AS part
                  FROM merged m) m
         GROUP BY part
    )
    UPDATE packed_hash_totals t
       SET hashes = t.hashes + n.hashes - w.hashes, digest = t.digest # n.digest # w.digest
      FROM (SELECT count(*) AS hashes,
                   coalesce(bit_xor(packed_digest(hash, 0, day)), 0) AS digest FROM merged) n,
           (SELECT count(*) AS hashes,
                   coalesce(bit_xor(packed_digest(hash, 0, day)), 0) AS digest FROM was) w
     WHERE t.packed = 'archived_keys';
    PERFORM set_config('tieout.counting', '', true);
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION merge_archived_records(since bigint, OUT next bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    PERFORM set_config('tieout.counting', 'yes', true);
    next := least((SELECT hash FROM leaving_versions WHERE hash > since
                    ORDER BY hash OFFSET 100000 LIMIT 1),
                  (SELECT first_hash FROM archived_records WHERE first_hash > since
                    ORDER BY first_hash OFFSET 700 LIMIT 1));
    first := coalesce((SELECT max(first_hash) FROM archived_records WHERE first_hash <= since),
                      since);
    WITH replaced AS (
        DELETE FROM archived_records k
         WHERE k.first_hash >= first AND (next IS NULL OR k.first_hash < next)
        RETURNING k.hashes, k.contents, k.months
    ), was AS MATERIALIZED (
        SELECT u.hash, u.content, u.month
          FROM replaced k, unnest(k.hashes, k.contents, k.months) AS u (hash, content, month)
    ), merged AS MATERIALIZED (
        SELECT hash, content, min(month) AS month
          FROM (SELECT hash, content, month FROM leaving_versions
                 WHERE hash >= since AND (next IS NULL OR hash < next)
                 UNION ALL
                SELECT hash, content, month FROM was) m
         GROUP BY hash, content
    ), written AS (
        INSERT INTO archived_records (first_hash, hashes, contents, months)
        SELECT min(hash), array_agg(hash ORDER BY hash, content),
               array_agg(content ORDER BY hash, content),
               array_agg(month ORDER BY hash, content)
          FROM (SELECT m.*, (rank() OVER (ORDER BY m.hash) - 1) / 140 AS part FROM merged m) m
         GROUP BY part
    )
    UPDATE packed_hash_totals t
       SET hashes = t.hashes + n.hashes - w.hashes, digest = t.digest # n.digest # w.digest
      FROM (SELECT count(*) AS hashes,
                   coalesce(bit_xor(packed_digest(hash, content, month)), 0) AS digest
              FROM merged) n,
           (SELECT count(*) AS hashes,
                   coalesce(bit_xor(packed_digest(hash, content, month)), 0) AS digest
              FROM was) w
     WHERE t.packed = 'archived_records';
    PERFORM set_config('tieout.counting', '', true);
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

CREATE FUNCTION month_end_digest() RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
    SELECT sha256(coalesce(string_agg(part, ''::bytea ORDER BY span), ''::bytea))
      FROM (SELECT wallet_id / 10000 AS span,
                   sha256(string_agg(int8send(wallet_id) || int8send(wallet_seq)
                                     || int8send(balance) || int8send(turnover)
                                     || boolsend(blocked), ''::bytea ORDER BY wallet_id)) AS part
              FROM month_end_wallets GROUP BY wallet_id / 10000) p
$$;

CREATE FUNCTION month_end_wallets_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF current_setting('tieout.taking_month_end', true) IS DISTINCT FROM 'yes'
       OR (TG_OP = 'UPDATE' AND (NEW.wallet_id <> OLD.wallet_id
                                 OR NEW.wallet_seq <= OLD.wallet_seq)) THEN
        RAISE EXCEPTION 'append-only: % on month_end_wallets is refused', TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'month_end_wallets_follow';
    END IF;
    IF NOT EXISTS (
        SELECT FROM operations o JOIN batches b USING (batch_id)
         WHERE o.wallet_id = NEW.wallet_id AND o.wallet_seq = NEW.wallet_seq
           AND o.balance_after = NEW.balance AND b.entries_at IS NOT NULL) THEN
        RAISE EXCEPTION 'append-only: % has not the balance % that its chain adds up to',
                        transaction_name(NEW.wallet_id, NEW.wallet_seq), NEW.balance
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'month_end_wallets_follow';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION month_ends_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT is_released(NEW.month::timestamp AT TIME ZONE 'UTC')
       OR NEW.month <= (SELECT max(month) FROM month_ends)
       OR (NEW.digest, NEW.wallets)
          IS DISTINCT FROM (month_end_digest(), (SELECT count(*) FROM month_end_wallets))
       OR NEW.manifest_hash IS DISTINCT FROM (
           SELECT a.manifest_hash FROM archives a WHERE a.month = NEW.month)
       OR NEW.seal IS DISTINCT FROM (
           SELECT s.hash FROM seals s
            WHERE s.day = (NEW.month + interval '1 month')::date - 1) THEN
        RAISE EXCEPTION 'append-only: INSERT on month_ends is refused'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'month_ends_follow';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION operation_hash(provider text, op_key text) RETURNS bigint
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    AS $$
    SELECT ('x' || encode(substring(sha256(convert_to(provider || E'\n' || op_key, 'UTF8')) FOR 8),
                          'hex'))::bit(64)::bigint
$$;

CREATE FUNCTION operations_are_not_away() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    away record;
BEGIN
    IF NOT EXISTS (SELECT FROM archived_keys)
       OR (current_setting('tieout.recalling', true) = 'yes'
           AND has_function_privilege('take_month_end()', 'EXECUTE')) THEN
        RETURN NULL;
    END IF;
    SELECT min(w.provider) AS provider, min(w.op_key) AS op_key,
           jsonb_agg(DISTINCT jsonb_build_array(h.kind, w.provider, h.name)) AS names INTO away
      FROM written w
     CROSS JOIN LATERAL
           (VALUES ('key', 'operation', w.op_key, operation_hash(w.provider, w.op_key)),
                   ('round', 'round', w.round_id, w.match_key),
                   ('reverses', 'operation', w.reverses,
                    operation_hash(w.provider, w.reverses)))
           AS h (part, kind, name, hash)
     CROSS JOIN LATERAL (SELECT k.hashes FROM archived_keys k WHERE k.first_hash <= h.hash
                          ORDER BY k.first_hash DESC LIMIT 1) AS k
     WHERE h.hash = ANY (k.hashes)
       AND CASE h.part
           WHEN 'key' THEN NOT is_name_absent(h.kind, w.provider, h.name, h.hash)
           WHEN 'round' THEN is_round_away(w.provider, w.round_id, w.match_key)
           ELSE is_operation_away(w.provider, w.reverses) END;
    IF away.names IS NOT NULL THEN
        RAISE EXCEPTION 'operation % of %, its round or what it undoes left for an archive',
                        away.op_key, away.provider
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'operations_are_not_away',
                  DETAIL = away.names::text;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION operations_may_only_leave() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    wrong record;
BEGIN
    SELECT g.provider, g.op_key INTO wrong
      FROM gone g LEFT JOIN batches b USING (batch_id)
     WHERE g.provider = 'tieout' OR g.kind = 'adjustment'
        OR g.headers <> '' OR NOT is_digest(g.body)
        OR b.entries_at IS NULL
        OR greatest(b.committed_at, b.posted_at, b.entries_at) >= rows_begin_at()
        OR NOT is_released(b.committed_at)
        OR NOT coalesce(day_number(b.committed_at)
                        = ANY (archived_days(operation_hash(g.provider, g.op_key))), false)
        OR EXISTS (SELECT FROM rounds r WHERE r.match_key = g.match_key
                      AND r.provider = g.provider AND r.round_id = g.round_id)
        OR EXISTS (SELECT FROM operations o
                    WHERE o.provider = g.provider AND o.op_key = g.reverses)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'append-only: DELETE of operation % of % is refused', wrong.op_key,
                        wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'operations_append_only';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION operations_may_only_shrink() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    expected record := OLD;
BEGIN
    IF NEW.body IS DISTINCT FROM OLD.body THEN
        expected.headers := '';
        expected.body := digest_of_bytes(OLD.headers, OLD.body);
    END IF;
    IF OLD.swept IS NULL AND NEW.swept IS NOT NULL THEN
        expected.swept := (SELECT amount FROM entries
                            WHERE wallet_id = OLD.wallet_id AND wallet_seq = OLD.wallet_seq
                              AND leg = 6);
    END IF;
    IF expected IS DISTINCT FROM NEW OR NEW IS NOT DISTINCT FROM OLD
       OR NOT is_released((SELECT committed_at FROM batches WHERE batch_id = OLD.batch_id)) THEN
        RAISE EXCEPTION 'append-only: UPDATE on % is refused', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION packed_digest(hash bigint, content bigint, at smallint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT hash # content # (at::bigint << 40)
$$;

CREATE FUNCTION packed_hash_totals_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF current_setting('tieout.letting_go', true) IS DISTINCT FROM 'yes'
       OR NEW.packed <> OLD.packed OR NEW.hashes < OLD.hashes THEN
        RAISE EXCEPTION 'append-only: % on packed_hash_totals is refused', TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'packed_hash_totals_follow';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION packed_hashes_must_be_counted() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF current_setting('tieout.counting', true) IS DISTINCT FROM 'yes' THEN
        RAISE EXCEPTION '% is merged and counted at once: repeat the command', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_counted';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION parked_as_seen(ids bigint[], seen integer[]) RETURNS bigint[]
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT coalesce(array_agg(parked_id), ARRAY[]::bigint[])
      FROM (SELECT p.parked_id FROM parked p
              JOIN unnest(ids, seen) AS s (parked_id, times) USING (parked_id, times)
             ORDER BY p.parked_id FOR UPDATE OF p) locked
$$;

CREATE FUNCTION parked_batches_stay() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $_$
DECLARE
    parked_batch text;
BEGIN
    SELECT d.subject INTO parked_batch FROM removed d
      JOIN batches b ON b.batch_id = substring(d.subject FROM '^batch ([0-9]+)$')::bigint
     WHERE d.job = 'post.v1' AND b.parked_at IS NOT NULL AND b.posted_at IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is parked: it must be booked, it cannot be discarded', parked_batch
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'parked_batches_stay';
    END IF;
    RETURN NULL;
END $_$;

CREATE FUNCTION recall_history(slug text, round_name text, came jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    counted bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('feed ' || slug, 0));
    IF EXISTS (SELECT FROM jsonb_populate_recordset(NULL::feed_records, came -> 'feed_records') r
                WHERE (r.provider, r.round_id) <> (slug, round_name)
                   OR NOT EXISTS (SELECT FROM archived_versions(
                                      record_hash(r.provider, r.record_id)))) THEN
        RAISE EXCEPTION 'records of round % of % did not leave', round_name, slug
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    PERFORM set_config('tieout.recalling', 'yes', true);
    INSERT INTO feed_records (created_at, provider, match_key, stake, payout, stored_no, updated_at,
                              received_at, occurrence, rolled_back, continues, currency, record_id,
                              round_id, handle, source, declared_net, balance_before,
                              balance_after, game)
    SELECT r.created_at, r.provider, r.match_key, r.stake, r.payout, r.stored_no, r.updated_at,
           r.received_at, r.occurrence, r.rolled_back, r.continues, r.currency, r.record_id,
           r.round_id, r.handle, r.source, r.declared_net, r.balance_before, r.balance_after,
           r.game
      FROM jsonb_populate_recordset(NULL::feed_records, came -> 'feed_records') r
    ON CONFLICT DO NOTHING;
    INSERT INTO feed_versions OVERRIDING SYSTEM VALUE
    SELECT v.* FROM jsonb_populate_recordset(NULL::feed_versions, came -> 'feed_versions') v
    ON CONFLICT DO NOTHING;
    INSERT INTO feed_superseded
    SELECT u.* FROM jsonb_populate_recordset(NULL::feed_superseded, came -> 'feed_superseded') u
    ON CONFLICT DO NOTHING;
    INSERT INTO feed_file_records
    SELECT x.* FROM jsonb_populate_recordset(NULL::feed_file_records,
                                             came -> 'feed_file_records') x
    ON CONFLICT DO NOTHING;
    SELECT count(*) INTO counted FROM feed_records r
     WHERE r.provider = slug AND r.round_id = round_name AND r.created_at < rows_begin_at()
       AND r.match_key IN (SELECT c.match_key FROM jsonb_populate_recordset(
                               NULL::feed_records, came -> 'feed_records') c);
    INSERT INTO recalled_histories (provider, round_id, records)
    VALUES (slug, round_name, counted);
    PERFORM set_config('tieout.recalling', '', true);
    RETURN counted;
END $$;

CREATE FUNCTION recall_rows(demand bigint, came jsonb) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    wanted recalls;
    wrong record;
    wallets bigint[];
    positions bigint[];
    counted integer;
BEGIN
    SELECT * INTO STRICT wanted FROM recalls r WHERE r.recall_id = demand FOR UPDATE;
    IF wanted.came_at IS NOT NULL THEN
        RETURN wanted.operations;
    END IF;
    IF archived_days(wanted.hash) IS NULL THEN
        RAISE EXCEPTION 'nothing named % of % left', wanted.name, wanted.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    PERFORM set_config('tieout.recalling', 'yes', true);
    SELECT o.provider, o.op_key INTO wrong
      FROM jsonb_populate_recordset(NULL::operations, came) o
      LEFT JOIN batches b USING (batch_id)
      LEFT JOIN month_end_wallets m USING (wallet_id)
     WHERE o.provider = 'tieout' OR o.kind = 'adjustment'
        OR o.headers <> '' OR NOT is_digest(o.body)
        OR b.entries_at IS NULL OR b.committed_at >= rows_begin_at()
        OR o.wallet_seq > coalesce(m.wallet_seq, 0)
        OR NOT coalesce(day_number(b.committed_at)
                        = ANY (archived_days(operation_hash(o.provider, o.op_key))), false)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation % of % did not leave', wrong.op_key, wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    INSERT INTO operations
    SELECT o.* FROM jsonb_populate_recordset(NULL::operations, came) o
     ORDER BY o.wallet_id, o.wallet_seq
    ON CONFLICT DO NOTHING;
    SELECT q.provider, q.op_key INTO wrong
      FROM jsonb_populate_recordset(NULL::operations, came) q
      LEFT JOIN operations o USING (wallet_id, wallet_seq)
     WHERE q IS DISTINCT FROM o LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation % of % has another row here', wrong.op_key, wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    SELECT array_agg(o.wallet_id), array_agg(o.wallet_seq) INTO wallets, positions
      FROM jsonb_populate_recordset(NULL::operations, came) o;
    INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, swept,
                        bets, wins, rollbacks, ended, declared_stake, declared_payout, first_at,
                        last_at)
    SELECT e.* FROM rounds_by_rule(wallets, positions) e
     ORDER BY e.match_key, e.provider, e.round_id, e.wallet_id
    ON CONFLICT DO NOTHING;
    SELECT r.provider, r.round_id INTO wrong
      FROM rounds_by_rule(wallets, positions) e
      JOIN rounds r USING (match_key, provider, round_id, wallet_id)
     WHERE r.ended AND r.swept <> r.stake - r.payout LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'round % of % came without some of its operations', wrong.round_id,
                        wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    SELECT CASE WHEN bool_or(CASE wanted.kind
                    WHEN 'operation' THEN (o.provider, o.op_key) = (wanted.provider, wanted.name)
                    ELSE (o.provider, o.round_id, o.decision)
                         = (wanted.provider, wanted.name, 'accepted') END)
                THEN count(*) ELSE 0 END INTO counted
      FROM jsonb_populate_recordset(NULL::operations, came) o;
    UPDATE recalls r SET came_at = clock_timestamp(), operations = counted
     WHERE r.recall_id = demand;
    PERFORM set_config('tieout.recalling', '', true);
    RETURN counted;
END $$;

CREATE FUNCTION recalls_are_announced() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM pg_notify('tieout_recalls', max(w.recall_id)::text) FROM written w
     HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION record_hash(provider text, record_id text) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT ('x' || encode(substring(sha256(convert_to(provider || E'\n' || record_id, 'UTF8'))
                                    FOR 8), 'hex'))::bit(64)::bigint
$$;

CREATE FUNCTION recoveries_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF (TG_OP = 'INSERT' AND NEW.state <> 'proposed')
       OR (TG_OP = 'UPDATE' AND (
           OLD.state <> 'proposed'
           OR (OLD.recovery_id, OLD.epoch, OLD.file, OLD.sha256, OLD.callbacks,
               OLD.proposed_by, OLD.proposed_at)
              <> (NEW.recovery_id, NEW.epoch, NEW.file, NEW.sha256, NEW.callbacks,
                  NEW.proposed_by, NEW.proposed_at))) THEN
        RAISE EXCEPTION 'recovery % is proposed once and approved once', NEW.recovery_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recoveries_follow';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION refresh_feed_statistics() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    ANALYZE feed_records;
    ANALYZE feed_versions;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF current_setting('tieout.letting_go', true) = 'yes'
       AND (TG_OP = 'UPDATE'
            AND TG_TABLE_NAME IN ('operations', 'deliveries', 'feed_versions', 'archived_totals')
            OR TG_OP = 'DELETE'
            AND TG_TABLE_NAME IN ('entries', 'operations', 'rounds', 'archived_keys',
                                  'archived_records', 'feed_versions', 'feed_superseded',
                                  'feed_file_records', 'feed_file_parts',
                                  'provider_deliveries', 'deliveries')) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;

CREATE FUNCTION refuse_other_person() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'the person % keeps id and name', OLD.name
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'people_keep_their_name';
END $$;

CREATE FUNCTION refuse_round_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'round % of % cannot become that', OLD.round_id, OLD.provider
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rounds_only_grow';
END $$;

CREATE FUNCTION refuse_unknown_feed_file() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT file_id FROM new_records) n
                WHERE NOT EXISTS (SELECT FROM feed_files f WHERE f.file_id = n.file_id)) THEN
        RAISE foreign_key_violation USING MESSAGE = 'feed_file_records: no such file';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION requeue_parked(ids bigint[], seen integer[]) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
DECLARE
    taken bigint[] := parked_as_seen(ids, seen);
BEGIN
    UPDATE batches SET parked_at = NULL
     WHERE posted_at IS NULL
       AND batch_id IN (SELECT substring(subject FROM '^batch ([0-9]+)$')::bigint FROM parked
                         WHERE parked_id = ANY(taken) AND job = 'post.v1');
    UPDATE deliveries SET parked_at = NULL
     WHERE delivery_id IN (SELECT substring(subject FROM '^delivery ([0-9]+)$')::bigint
                             FROM parked WHERE parked_id = ANY(taken) AND job = 'ingest.v1');
    UPDATE job_runs r SET done_at = NULL, attempts = 0, lease_until = clock_timestamp()
      FROM parked p
     WHERE p.parked_id = ANY(taken) AND p.subject = 'slot ' || r.slot AND p.job = r.job;
    DELETE FROM parked WHERE parked_id = ANY(taken);
    RETURN QUERY SELECT unnest(taken);
END $_$;

CREATE FUNCTION residual_entries_must_sum_to_zero() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION residuals_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION residuals_must_suit_their_write_off() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF (SELECT (w.provider, w.round_id, w.match_key, w.currency)
               <> (NEW.provider, NEW.round_id, NEW.match_key, NEW.currency)
               OR NEW.after NOT IN (0, w.amount)
               OR w.state NOT IN ('booked', 'reversed')
          FROM write_offs w WHERE w.write_off_id = NEW.write_off_id) THEN
        RAISE EXCEPTION 'residual % is not what write-off % accepts',
            NEW.residual_id, NEW.write_off_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'residuals_suit_their_write_off';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION restores_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM restores WHERE epoch >= NEW.epoch
                                           OR after_batch > NEW.after_batch) THEN
            RAISE EXCEPTION 'restore % does not follow the one before it', NEW.epoch
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'restores_follow';
        END IF;
        NEW.begun_eyes := eyes_of(NEW.begun_by);
        RETURN NEW;
    END IF;
    IF OLD.finished_at IS NOT NULL
       OR (OLD.epoch, OLD.after_batch, OLD.begun_at, OLD.begun_by, OLD.reason, OLD.takes_two)
          <> (NEW.epoch, NEW.after_batch, NEW.begun_at, NEW.begun_by, NEW.reason, NEW.takes_two)
    THEN
        RAISE EXCEPTION 'restore % cannot become that', OLD.epoch
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'restores_states';
    END IF;
    NEW.begun_eyes := OLD.begun_eyes;
    NEW.finished_eyes := CASE WHEN NEW.finished_by IS NOT NULL
                              THEN eyes_of(NEW.finished_by) END;
    RETURN NEW;
END $$;

CREATE FUNCTION rounds_are_not_away() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    away record;
BEGIN
    IF NOT EXISTS (SELECT FROM archived_keys)
       OR (current_setting('tieout.recalling', true) = 'yes'
           AND has_function_privilege('take_month_end()', 'EXECUTE')) THEN
        RETURN NULL;
    END IF;
    SELECT w.provider, w.round_id INTO away
      FROM written w
     CROSS JOIN LATERAL (SELECT k.hashes FROM archived_keys k WHERE k.first_hash <= w.match_key
                          ORDER BY k.first_hash DESC LIMIT 1) AS k
     WHERE w.match_key = ANY (k.hashes)
       AND NOT is_name_absent('round', w.provider, w.round_id, w.match_key)
       AND NOT EXISTS (SELECT FROM rounds d
                        WHERE d.match_key = w.match_key AND d.provider = w.provider
                          AND d.round_id = w.round_id
                          AND NOT EXISTS (SELECT FROM written n
                                           WHERE n.match_key = d.match_key
                                             AND n.provider = d.provider
                                             AND n.round_id = d.round_id
                                             AND n.wallet_id = d.wallet_id))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'round % of % left for an archive: recall it first',
                        away.round_id, away.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rounds_are_not_away';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION rounds_by_rule(wallets bigint[], positions bigint[]) RETURNS TABLE(match_key bigint, provider text, round_id text, wallet_id bigint, currency text, stake bigint, payout bigint, swept bigint, bets integer, wins integer, rollbacks integer, ended boolean, declared_stake bigint, declared_payout bigint, first_at timestamp with time zone, last_at timestamp with time zone)
    LANGUAGE sql STABLE
    AS $$
    SELECT o.match_key, o.provider, o.round_id, o.wallet_id, min(o.currency),
           sum(o.stake)::bigint, sum(o.payout)::bigint,
           (coalesce(sum(o.stake - o.payout) FILTER (WHERE o.ends_round OR o.fund <> 'cash'), 0)
            + coalesce(sum(o.swept), 0))::bigint,
           (count(*) FILTER (WHERE o.kind IN ('bet', 'bet_and_win')))::integer,
           (count(*) FILTER (WHERE o.kind IN ('win', 'bet_and_win')))::integer,
           (count(*) FILTER (WHERE o.kind = 'rollback'))::integer,
           bool_or(o.ends_round), max(o.declared_stake), max(o.declared_payout),
           min(o.received_at), max(o.received_at)
      FROM unnest(wallets, positions) AS q (wallet_id, wallet_seq)
      JOIN operations o USING (wallet_id, wallet_seq)
      JOIN batches b ON b.batch_id = o.batch_id
     WHERE o.decision = 'accepted' AND o.provider <> 'tieout' AND b.posted_at IS NOT NULL
     GROUP BY o.match_key, o.provider, o.round_id, o.wallet_id
$$;

CREATE FUNCTION rounds_mark_days_on_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, false FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM (SELECT provider, first_at FROM written) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND (false OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$;

CREATE FUNCTION rounds_mark_days_on_update() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, false FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM (SELECT provider, first_at FROM was UNION ALL SELECT provider, first_at FROM written) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND (false OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$;

CREATE FUNCTION rounds_may_only_leave() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    wallets bigint[];
    positions bigint[];
    wrong record;
BEGIN
    SELECT array_agg(l.wallet_id), array_agg(l.wallet_seq) INTO wallets, positions
      FROM leaving_operations l
     WHERE l.match_key IN (SELECT g.match_key FROM gone g)
       AND l.day = ANY (archived_days(l.match_key));
    SELECT g.provider, g.round_id INTO wrong
      FROM gone g LEFT JOIN rounds_by_rule(wallets, positions) e
           USING (match_key, provider, round_id, wallet_id)
     WHERE (g.currency, g.stake, g.payout, g.swept, g.bets, g.wins, g.rollbacks, g.ended,
            g.declared_stake, g.declared_payout, g.first_at, g.last_at)
           IS DISTINCT FROM
           (e.currency, e.stake, e.payout, e.swept, e.bets, e.wins, e.rollbacks, e.ended,
            e.declared_stake, e.declared_payout, e.first_at, e.last_at)
        OR g.last_at >= rows_begin_at()
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'append-only: DELETE of round % of % is refused', wrong.round_id,
                        wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rounds_append_only';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION rows_begin_at() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce((SELECT max(at) FROM archived_row_months), '-infinity')
$$;

CREATE FUNCTION rows_stay_because(month date) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM archives a JOIN archive_releases r USING (archive_id)
                          WHERE a.month = rows_stay_because.month AND r.what = 'bytes'
                            AND r.let_go_at IS NOT NULL)
        THEN 'its bytes and entries have not left'
        WHEN rows_stay_because.month > coalesce((SELECT max(m.month) FROM month_ends m),
                                                '-infinity')
        THEN 'no month end is taken of it'
        ELSE (SELECT 'the rows of ' || a.archive_id || ' before it have not left'
                FROM archives a LEFT JOIN archived_row_months l USING (month)
               WHERE a.month < rows_stay_because.month AND l.let_go_at IS NULL
               ORDER BY a.month LIMIT 1) END
$$;

CREATE FUNCTION seals_must_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    last record;
BEGIN
    SELECT day, hash INTO last FROM seals ORDER BY day DESC LIMIT 1;
    IF (FOUND AND (NEW.day <> last.day + 1 OR NEW.previous <> last.hash))
       OR (NOT FOUND AND NEW.previous <> repeat('0', 64)) THEN
        RAISE EXCEPTION 'the seal of % does not follow the one before it', NEW.day
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'seals_follow';
    END IF;
    IF (NEW.day + 1)::timestamp AT TIME ZONE 'UTC' > clock_timestamp() THEN
        RAISE EXCEPTION 'the day % is not over', NEW.day
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'seals_day_is_over';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION stage_leaving_files(until timestamp with time zone, OUT files bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
BEGIN
    TRUNCATE leaving_files;
    INSERT INTO leaving_files SELECT * FROM files_to_leave(until);
    GET DIAGNOSTICS files = ROW_COUNT;
END $$;

CREATE FUNCTION stage_leaving_records(until timestamp with time zone, OUT records bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    this_month smallint := (extract(year FROM until AT TIME ZONE 'UTC') * 12
                            + extract(month FROM until AT TIME ZONE 'UTC') - 2 - 1970 * 12);
BEGIN
    TRUNCATE leaving_records, leaving_listings, leaving_versions, archived_row_digests;
    INSERT INTO leaving_records (chunk, provider, record_id)
    WITH signed AS MATERIALIZED (
        SELECT c.provider, range_agg(tstzrange(c.starts_at, c.ends_at)) AS days
          FROM day_closes c
         WHERE c.starts_at < until
           AND 'signed' = (SELECT s.action FROM day_steps s
                            WHERE s.provider = c.provider AND s.business_day = c.business_day
                            ORDER BY s.number DESC LIMIT 1)
         GROUP BY c.provider
    ), parts AS (
        SELECT r.provider, r.record_id, true AS is_record, 0 AS versions,
               r.created_at >= until OR r.received_at >= until
               OR NOT coalesce(s.days @> r.created_at, false)
               OR EXISTS (SELECT FROM rounds o
                           WHERE o.match_key = r.match_key AND o.provider = r.provider)
               OR (r.provider, r.round_id) IN (SELECT q.provider, q.round_id
                                                 FROM rounds_in_question q) AS stays
          FROM feed_records r LEFT JOIN signed s USING (provider)
         UNION ALL
        SELECT v.provider, v.record_id, false, 1, v.received_at >= until OR NOT is_digest(v.raw)
          FROM feed_versions v
         UNION ALL
        SELECT u.provider, u.record_id, false, 0, u.created_at >= until OR u.received_at >= until
          FROM feed_superseded u
         UNION ALL
        SELECT f.provider, l.record_id, false, 0, f.received_at >= until
          FROM feed_file_records l JOIN feed_files f USING (file_id)
         UNION ALL
        SELECT w.provider, w.record_id, false, 0, true FROM feed_withdrawals w
         UNION ALL
        SELECT g.provider, g.record_id, false, 0, true FROM feed_findings g
         WHERE g.record_id IS NOT NULL AND g.resolved_at IS NULL
    )
    -- More versions than these would not fit a row of archived_records.
    SELECT (row_number() OVER (ORDER BY p.provider, p.record_id) - 1) / 2000,
           p.provider, p.record_id
      FROM parts p GROUP BY p.provider, p.record_id
    HAVING NOT bool_or(p.stays) AND sum(p.versions) <= 200
       AND (bool_or(p.is_record)
            OR EXISTS (SELECT FROM archived_versions(record_hash(p.provider, p.record_id))));
    GET DIAGNOSTICS records = ROW_COUNT;
    INSERT INTO leaving_listings
    SELECT l.chunk, x.file_id, l.provider, x.record_id, x.occurrence
      FROM feed_file_records x JOIN feed_files f USING (file_id)
      JOIN leaving_records l ON l.provider = f.provider AND l.record_id = x.record_id;
    INSERT INTO leaving_versions
    SELECT record_hash(l.provider, l.record_id), coalesce(content_hash(v.content), 0),
           this_month
      FROM leaving_records l LEFT JOIN feed_versions v USING (provider, record_id)
    ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION stage_leaving_rows(until timestamp with time zone, OUT operations bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
BEGIN
    TRUNCATE leaving_operations, leaving_keys;
    WITH batches_of AS MATERIALIZED (
        SELECT b.* FROM batches b WHERE b.committed_at < until + interval '1 day'
         UNION ALL
        SELECT b.* FROM batches b
         WHERE b.committed_at >= until + interval '1 day' AND b.session_id IS NULL
           AND b.committed_at >= (SELECT min(proposed_at) - interval '1 hour'
                                    FROM recoveries WHERE state = 'approved')
    ), candidates AS MATERIALIZED (
        SELECT o.wallet_id, o.wallet_seq, o.batch_id, o.match_key, o.provider, o.round_id,
               b.committed_at < until AS leaves, day_number(b.committed_at) AS day,
               o.decision = 'accepted' AS counts,
               operation_hash(o.provider, o.op_key) AS hash,
               CASE WHEN b.committed_at >= until THEN o.decision = 'accepted'
                    ELSE o.kind = 'adjustment' OR b.entries_at IS NULL
                         OR greatest(b.posted_at, b.entries_at) >= until
                         OR o.headers <> '' OR NOT is_digest(o.body) END AS stays
          FROM batches_of b JOIN operations o USING (batch_id)
         WHERE o.provider <> 'tieout'
    ), played AS (
        SELECT c.match_key, c.provider, c.round_id, min(c.batch_id) AS first_batch,
               count(*) FILTER (WHERE c.leaves) AS leaving, bool_or(c.counts) AS counts
          FROM candidates c
         GROUP BY c.match_key, c.provider, c.round_id
        HAVING NOT bool_or(c.stays OR c.hash IN (SELECT r.hash FROM recalls r
                                                  WHERE r.operations = 0))
           AND bool_or(c.leaves)
    ), leaving_rounds AS (
        SELECT p.match_key, p.provider, p.round_id, r.match_key IS NOT NULL AS in_round,
               (sum(p.leaving) OVER (ORDER BY p.first_batch, p.match_key, p.provider, p.round_id)
                - p.leaving)::bigint / 2000 AS chunk
          FROM played p
          LEFT JOIN (SELECT r.match_key, r.provider, r.round_id, max(r.last_at) AS last_at
                       FROM rounds r GROUP BY r.match_key, r.provider, r.round_id) r
            USING (match_key, provider, round_id)
         WHERE CASE WHEN r.match_key IS NULL THEN NOT p.counts ELSE r.last_at < until END
           AND NOT EXISTS (SELECT FROM rounds_in_question q
                            WHERE q.provider = p.provider AND q.round_id = p.round_id)
           AND NOT EXISTS (SELECT FROM recalls x
                            WHERE x.hash = p.match_key AND x.operations = 0)
    )
    INSERT INTO leaving_operations
    SELECT l.chunk, c.wallet_id, c.wallet_seq, c.match_key, l.in_round, c.hash, c.day
      FROM leaving_rounds l JOIN candidates c USING (match_key, provider, round_id)
     WHERE c.leaves;
    GET DIAGNOSTICS operations = ROW_COUNT;
    INSERT INTO leaving_keys (hash, day)
    SELECT l.hash, l.day FROM leaving_operations l
     UNION
    SELECT l.match_key, l.day FROM leaving_operations l
     WHERE l.in_round OR archived_days(l.match_key) IS NOT NULL;
END $$;

CREATE FUNCTION take_month_end(OUT ended date) RETURNS date
    LANGUAGE plpgsql
    AS $$
DECLARE
    since timestamptz;
    until timestamptz;
    kept timestamptz;
    wrong text;
BEGIN
    LOCK TABLE month_ends IN SHARE ROW EXCLUSIVE MODE;
    since := coalesce((SELECT max(at) FROM month_ends), '-infinity');
    kept := (SELECT min(committed_at) FROM batches
              WHERE committed_at >= since AND entries_at IS NULL);
    SELECT a.month, (a.month + interval '1 month') AT TIME ZONE 'UTC' INTO ended, until
      FROM archives a JOIN archive_releases r USING (archive_id)
     WHERE r.state = 'approved'
       AND a.month::timestamp AT TIME ZONE 'UTC' >= since
       AND (kept IS NULL OR (a.month + interval '1 month') AT TIME ZONE 'UTC' <= kept)
     ORDER BY a.month DESC LIMIT 1;
    IF ended IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('tieout.taking_month_end', 'yes', true);
    WITH moved AS (
        SELECT o.wallet_id, count(*) AS operations, sum(o.amount) AS amount,
               coalesce(sum(o.stake) FILTER (WHERE o.decision = 'accepted'), 0) AS stake,
               (array_agg(o.kind = 'block' ORDER BY o.wallet_seq DESC)
                  FILTER (WHERE o.kind IN ('block', 'unblock') AND o.decision = 'accepted'))[1]
                 AS blocked
          FROM batches b JOIN operations o USING (batch_id)
         WHERE b.committed_at >= since AND b.committed_at < until
         GROUP BY o.wallet_id
    ), written AS (
        INSERT INTO month_end_wallets AS w (wallet_id, wallet_seq, balance, turnover, blocked)
        SELECT m.wallet_id, coalesce(p.wallet_seq, 0) + m.operations,
               coalesce(p.balance, 0) + m.amount, coalesce(p.turnover, 0) + m.stake,
               coalesce(m.blocked, p.blocked, false)
          FROM moved m LEFT JOIN month_end_wallets p USING (wallet_id)
        ON CONFLICT ON CONSTRAINT month_end_wallets_pkey DO UPDATE
           SET wallet_seq = EXCLUDED.wallet_seq, balance = EXCLUDED.balance,
               turnover = EXCLUDED.turnover, blocked = EXCLUDED.blocked
        RETURNING w.wallet_id, w.wallet_seq
    )
    SELECT transaction_name(w.wallet_id, w.wallet_seq) INTO wrong
      FROM written w
      JOIN operations o USING (wallet_id, wallet_seq)
      JOIN batches b ON b.batch_id = o.batch_id
      LEFT JOIN operations n ON n.wallet_id = w.wallet_id AND n.wallet_seq = w.wallet_seq + 1
      LEFT JOIN batches nb ON nb.batch_id = n.batch_id
     WHERE b.committed_at >= until OR nb.committed_at < until
     ORDER BY w.wallet_id LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'append-only: % is not the last of its wallet before %', wrong, until
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'month_end_wallets_follow';
    END IF;
    INSERT INTO month_ends (month, at, wallets, digest, seal, manifest_hash)
    SELECT ended, until, (SELECT count(*) FROM month_end_wallets), month_end_digest(), s.hash,
           a.manifest_hash
      FROM archives a JOIN seals s ON s.day = (ended + interval '1 month')::date - 1
     WHERE a.month = ended;
    PERFORM set_config('tieout.taking_month_end', '', true);
END $$;

CREATE FUNCTION transaction_name(wallet bigint, seq bigint) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT 'txn-' || wallet || '-' || seq || coalesce('-' || nullif((
        SELECT ledger_epoch(o.batch_id) FROM operations o
         WHERE o.wallet_id = wallet AND o.wallet_seq = seq), 0), '')
$$;

CREATE FUNCTION write_offs_must_be_booked() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    standing bigint;
BEGIN
    SELECT coalesce(sum(after - before), 0) INTO standing
      FROM residuals WHERE write_off_id = NEW.write_off_id;
    IF standing <> (CASE NEW.state WHEN 'booked' THEN NEW.amount ELSE 0 END) THEN
        RAISE EXCEPTION 'write-off % is % but % is booked',
            NEW.write_off_id, NEW.state, standing
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'write_offs_are_booked';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION write_offs_must_follow_their_states() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN
           (('proposed', 'approved'), ('approved', 'booked'), ('approved', 'reversed'),
            ('proposed', 'booked'), ('proposed', 'rejected'), ('booked', 'reversed'))
       OR (OLD.write_off_id, OLD.break_id, OLD.provider, OLD.round_id, OLD.match_key,
           OLD.currency, OLD.amount, OLD.reason, OLD.proposed_by, OLD.proposed_at)
          <> (NEW.write_off_id, NEW.break_id, NEW.provider, NEW.round_id, NEW.match_key,
              NEW.currency, NEW.amount, NEW.reason, NEW.proposed_by, NEW.proposed_at)
       OR (OLD.state IN ('approved', 'booked')
           AND (OLD.decided_by, OLD.decided_at) <> (NEW.decided_by, NEW.decided_at))
    THEN
        RAISE EXCEPTION 'write-off % cannot go from % to %',
            OLD.write_off_id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'write_offs_states';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION write_offs_must_start_proposed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NEW.state <> 'proposed' THEN
        RAISE EXCEPTION 'write-off % was never proposed', NEW.write_off_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'write_offs_states';
    END IF;
    RETURN NEW;
END $$;
