-- The feeds: the providers' side, as they pushed it, as their APIs returned it, as their statement
-- files listed it.
--
--   feed_records          what each record says now; reconciliation reads these rows
--   feed_versions         every version of every record, raw, for ever
--   feed_superseded       every record as it was before it changed
--   feed_withdrawals      a record that a re-delivery left out, or one that came back
--   feed_files            every statement file, whatever became of it
--   feed_file_parts       the bytes of each file
--   feed_file_records     the records that each file lists
--   feed_pulls            every stored pull: the window it asked for and what it brought
--   feed_watermarks       how far each pulled feed has been read
--   feed_findings         what is wrong with a feed; open until it no longer holds
--   provider_deliveries   what a provider's delivery log says it sent to us
--   day_closes            days that were signed off, and what they contained then
--
-- A withdrawn record leaves feed_records; feed_superseded and feed_versions keep what it said.

-- Numbers are taken under the provider's feed lock, so storing and closing have one order that
-- does not depend on any clock.
CREATE SEQUENCE feed_order;

-- Records --------------------------------------------------------------------------------------

-- Column order as in rounds: first what a reconciliation run reads, then fixed widths, then the
-- rest.
CREATE TABLE feed_records (
    created_at      timestamptz NOT NULL,
    provider        text NOT NULL,
    -- Packed like rounds.key_row. A rolled back record counts as nothing.
    key_row         bytea NOT NULL GENERATED ALWAYS AS (
        int8send(match_key)
        || int8send(CASE WHEN rolled_back THEN 0 ELSE stake END)
        || int8send(CASE WHEN rolled_back THEN 0 ELSE payout END)
        || int8send(hashtextextended(handle, 0))
        || decode(rpad(currency, 8), 'escape')
        || CASE WHEN continues
                  OR declared_net <> payout - stake
                  OR (NOT rolled_back AND balance_after <> balance_before - stake + payout)
                THEN '\x01'::bytea ELSE '\x00'::bytea END
    ) STORED,
    match_key       bigint NOT NULL,
    stake           bigint NOT NULL,
    payout          bigint NOT NULL,
    stored_no       bigint NOT NULL DEFAULT nextval('feed_order'),
    updated_at      timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    occurrence      integer NOT NULL DEFAULT 1,  -- 2 when one statement names the id twice, ...
    rolled_back     boolean NOT NULL,
    continues       boolean NOT NULL DEFAULT false,  -- its round had another record before it
    currency        text NOT NULL,
    record_id       text NOT NULL,
    round_id        text NOT NULL,
    handle          text NOT NULL,
    source          text NOT NULL,           -- 'push', 'pull' or the name of the imported file
    declared_net    bigint,
    balance_before  bigint,
    balance_after   bigint,
    game            text,
    CONSTRAINT feed_records_pkey PRIMARY KEY (provider, record_id, occurrence),
    CONSTRAINT feed_records_occurrence_positive CHECK (occurrence > 0),
    CONSTRAINT feed_records_currency_fits CHECK (octet_length(currency) <= 8)
);
CREATE INDEX feed_records_by_round ON feed_records (match_key);
-- Rollbacks that name an amount, which may be another one than their original's.
CREATE INDEX feed_records_taken_back ON feed_records (match_key)
    WHERE rolled_back AND (stake > 0 OR payout > 0);
CREATE INDEX feed_records_continuing ON feed_records (provider, match_key) WHERE continues;
-- Time windows are read in bulk and rows arrive in time order: block range indexes suffice.
CREATE INDEX feed_records_by_time ON feed_records USING brin (created_at);
-- What was stored since a number.
CREATE INDEX feed_records_by_order ON feed_records USING brin (stored_no);
-- A record whose newest version adds a win is immature again, whatever its own age.
CREATE INDEX feed_records_by_update ON feed_records USING brin (updated_at);

CREATE TABLE feed_versions (
    version_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider        text NOT NULL,
    record_id       text NOT NULL,
    updated_at      timestamptz NOT NULL,
    content         bytea NOT NULL,          -- digest of the raw line
    raw             bytea NOT NULL,
    source          text NOT NULL,
    received_at     timestamptz NOT NULL,
    CONSTRAINT feed_versions_once UNIQUE (provider, record_id, content)
);
CREATE TRIGGER feed_versions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feed_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE feed_superseded (
    provider        text NOT NULL,
    record_id       text NOT NULL,
    occurrence      integer NOT NULL,
    round_id        text NOT NULL,
    handle          text NOT NULL,
    currency        text NOT NULL,
    stake           bigint NOT NULL,
    payout          bigint NOT NULL,
    rolled_back     boolean NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    stored_no       bigint NOT NULL,
    superseded_no   bigint NOT NULL,         -- stored_no of what replaced it
    CONSTRAINT feed_superseded_pkey PRIMARY KEY (provider, record_id, occurrence, superseded_no)
);
CREATE INDEX feed_superseded_by_order ON feed_superseded (provider, superseded_no);
CREATE TRIGGER feed_superseded_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON feed_superseded FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION keep_superseded_feed_record() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER feed_records_keep_superseded AFTER UPDATE ON feed_records
    REFERENCING OLD TABLE AS old_records NEW TABLE AS new_records
    FOR EACH STATEMENT EXECUTE FUNCTION keep_superseded_feed_record();

-- Statement files ------------------------------------------------------------------------------

CREATE TABLE feed_files (
    file_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider      text NOT NULL,
    feed          text NOT NULL,             -- 'statement'
    name          text NOT NULL,
    digest        bytea NOT NULL,            -- of all of its bytes
    size          bigint NOT NULL,
    received_at   timestamptz NOT NULL,
    business_day  date,                      -- the provider's; null: several days, or unknown
    number        bigint,                    -- its position in a declared sequence
    covers_from   timestamptz,               -- of the records read from it
    covers_to     timestamptz,
    verdict       text NOT NULL,
    records       bigint NOT NULL,           -- lines read
    refused       bigint NOT NULL,           -- lines not read
    replaced_by   bigint REFERENCES feed_files,  -- the file that restates it; null: it is current
    CONSTRAINT feed_files_once UNIQUE (provider, feed, digest),
    CONSTRAINT feed_files_verdict CHECK (verdict IN ('imported', 'partly', 'quarantined')),
    CONSTRAINT feed_files_counts_not_negative CHECK (records >= 0 AND refused >= 0 AND size >= 0)
);
CREATE INDEX feed_files_by_day ON feed_files (provider, feed, business_day);

-- The file's bytes, complete.
CREATE TABLE feed_file_parts (
    file_id  bigint NOT NULL REFERENCES feed_files,
    part     integer NOT NULL,
    bytes    bytea NOT NULL,
    CONSTRAINT feed_file_parts_pkey PRIMARY KEY (file_id, part)
);
CREATE TRIGGER feed_file_parts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON feed_file_parts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Every record that the file lists, also those that were known already.
CREATE TABLE feed_file_records (
    file_id     bigint NOT NULL REFERENCES feed_files,
    record_id   text NOT NULL,
    occurrence  integer NOT NULL,
    CONSTRAINT feed_file_records_pkey PRIMARY KEY (file_id, record_id, occurrence)
);
CREATE TRIGGER feed_file_records_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON feed_file_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Withdrawals ----------------------------------------------------------------------------------

-- The last row of a record decides whether it is withdrawn.
CREATE TABLE feed_withdrawals (
    withdrawal_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider       text NOT NULL,
    feed           text NOT NULL,
    record_id      text NOT NULL,
    occurrence     integer NOT NULL,
    event          text NOT NULL,
    round_id       text NOT NULL,            -- the record as it was, or as it is restored
    match_key      bigint NOT NULL,
    handle         text NOT NULL,
    currency       text NOT NULL,
    stake          bigint NOT NULL,
    payout         bigint NOT NULL,
    rolled_back    boolean NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    source         text NOT NULL,            -- of the record: 'push', 'pull' or a file's name
    received_at    timestamptz NOT NULL,     -- when we received the record
    changed_by     text NOT NULL,            -- what left it out or restored it
    file_id        bigint REFERENCES feed_files,  -- the file that left it out
    changed_no     bigint NOT NULL,          -- of this change, from feed_order
    changed_at     timestamptz NOT NULL,     -- our clock
    CONSTRAINT feed_withdrawals_event CHECK (event IN ('withdrawn', 'restored'))
);
CREATE INDEX feed_withdrawals_by_record
    ON feed_withdrawals (provider, record_id, occurrence, withdrawal_id);
CREATE INDEX feed_withdrawals_by_round ON feed_withdrawals (match_key);
CREATE INDEX feed_withdrawals_by_file ON feed_withdrawals (file_id);
CREATE TRIGGER feed_withdrawals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON feed_withdrawals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Pulls ----------------------------------------------------------------------------------------

CREATE TABLE feed_pulls (
    pull_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider     text NOT NULL,
    feed         text NOT NULL,
    window_from  timestamptz NOT NULL,
    window_to    timestamptz NOT NULL,
    whole        boolean NOT NULL,           -- nothing of the window was unreadable
    received     bigint NOT NULL,
    stored       bigint NOT NULL,
    unreadable   bigint NOT NULL,
    pulled_at    timestamptz NOT NULL,
    CONSTRAINT feed_pulls_window CHECK (window_from < window_to)
);
CREATE INDEX feed_pulls_by_feed ON feed_pulls (provider, feed, window_to);

CREATE TABLE feed_watermarks (
    provider    text NOT NULL,
    feed        text NOT NULL,               -- 'rounds', 'deliveries'
    watermark   timestamptz,                 -- everything before it is stored; null: nothing yet
    pulled_at   timestamptz NOT NULL,        -- when the last stored pull was made
    records     bigint NOT NULL,             -- what that pull brought
    CONSTRAINT feed_watermarks_pkey PRIMARY KEY (provider, feed),
    CONSTRAINT feed_watermarks_records_not_negative CHECK (records >= 0)
);

CREATE TABLE provider_deliveries (
    provider        text NOT NULL,
    webhook_id      text NOT NULL,           -- delivery ids may be unique only within one
    delivery_id     text NOT NULL,
    event_type      text NOT NULL,
    payload         bytea NOT NULL,          -- what they report to have sent
    response_code   smallint,                -- what they report we answered; null: no reply
    response_body   bytea NOT NULL,
    success         boolean NOT NULL,
    attempted_at    timestamptz NOT NULL,    -- the provider's clock
    retry_count     integer NOT NULL,
    pulled_at       timestamptz NOT NULL,    -- our clock
    CONSTRAINT provider_deliveries_pkey PRIMARY KEY (provider, webhook_id, delivery_id)
);
CREATE INDEX provider_deliveries_by_time ON provider_deliveries (provider, attempted_at);

-- Findings -------------------------------------------------------------------------------------

CREATE TABLE feed_findings (
    finding_id   text PRIMARY KEY,           -- stable: the same finding keeps its row
    provider     text NOT NULL,
    feed         text NOT NULL,              -- 'statement', 'push', 'rounds', 'deliveries', ...
    scope        text NOT NULL,              -- what was checked; its findings are replaced together
    kind         text NOT NULL,
    severity     text NOT NULL,
    file         text,
    line         bigint,                     -- 1-based line of a text file, row of a sheet
    record_id    text,
    round_id     text,
    currency     text,
    difference   bigint,                     -- signed: after less before, to the player
    covers_from  timestamptz,                -- the time it is about; null: not known
    covers_to    timestamptz,
    detail       text NOT NULL,
    evidence     jsonb NOT NULL DEFAULT '{}',
    first_seen   timestamptz NOT NULL,
    last_seen    timestamptz NOT NULL,
    resolved_at  timestamptz,
    resolved_by  text,                       -- who, and why; null: open, or it no longer holds
    CONSTRAINT feed_findings_severity CHECK (severity IN ('error', 'warning'))
);
CREATE INDEX feed_findings_open ON feed_findings (provider, feed, scope) WHERE resolved_at IS NULL;

-- Closed days ----------------------------------------------------------------------------------

CREATE TABLE day_closes (
    provider      text NOT NULL,
    business_day  date NOT NULL,
    starts_at     timestamptz NOT NULL,      -- the day in the provider's zone, half open
    ends_at       timestamptz NOT NULL,
    closed_at     timestamptz NOT NULL,
    close_no      bigint NOT NULL,           -- records with a larger stored_no came afterwards
    run_id        text,
    records       bigint NOT NULL,
    digest        bytea NOT NULL,            -- of the day's records at that moment
    CONSTRAINT day_closes_pkey PRIMARY KEY (provider, business_day),
    CONSTRAINT day_closes_day_has_length CHECK (starts_at < ends_at)
);
CREATE INDEX day_closes_by_time ON day_closes (provider, starts_at, ends_at);
