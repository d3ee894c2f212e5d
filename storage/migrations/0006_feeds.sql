-- Feeds as a discipline: what was read and what was not, whole files, findings, closed days.
--
--   feed_files, feed_file_parts  every statement file as it came, complete, whatever became of it
--   feed_pulls                   every stored pull: which window it asked for, what it brought
--   feed_findings                what a feed did wrong; open until it no longer holds
--   feed_superseded              every record as it was before it was told otherwise
--   closes                       days that were signed off, and what they said then

-- Takes a number under the provider's feed lock: storing and closing stand in one order that no
-- clock can confuse. What was stored before this migration was stored before any close.
CREATE SEQUENCE feed_order;
ALTER TABLE feed_records ADD COLUMN stored_no bigint NOT NULL DEFAULT 0;
ALTER TABLE feed_records ALTER COLUMN stored_no SET DEFAULT nextval('feed_order');

CREATE TABLE feed_files (
    file_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider      text NOT NULL,
    feed          text NOT NULL,             -- 'statement'
    name          text NOT NULL,
    digest        bytea NOT NULL,            -- of all of its bytes
    size          bigint NOT NULL,
    received_at   timestamptz NOT NULL,
    business_day  date,                      -- the provider's; null: it speaks of several, or of none
    number        bigint,                    -- its place in a declared sequence
    covers_from   timestamptz,               -- of the records read out of it
    covers_to     timestamptz,
    verdict       text NOT NULL,
    records       bigint NOT NULL,           -- lines read
    refused       bigint NOT NULL,           -- lines not read
    CONSTRAINT feed_files_once UNIQUE (provider, feed, digest),
    CONSTRAINT feed_files_verdict CHECK (verdict IN ('imported', 'partly', 'quarantined')),
    CONSTRAINT feed_files_counts_not_negative CHECK (records >= 0 AND refused >= 0 AND size >= 0)
);
CREATE INDEX feed_files_by_day ON feed_files (provider, feed, business_day);

CREATE TABLE feed_file_parts (
    file_id  bigint NOT NULL REFERENCES feed_files,
    part     integer NOT NULL,
    bytes    bytea NOT NULL,
    CONSTRAINT feed_file_parts_pkey PRIMARY KEY (file_id, part)
);

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

CREATE TABLE feed_findings (
    finding_id   text PRIMARY KEY,           -- stable: the same finding seen again is the same row
    provider     text NOT NULL,
    feed         text NOT NULL,              -- 'statement', 'push', 'rounds', 'deliveries', ...
    scope        text NOT NULL,              -- what was looked at: findings of it are replaced together
    kind         text NOT NULL,
    severity     text NOT NULL,
    file         text,
    line         bigint,                     -- 1-based line of a text file, row of a sheet
    record_id    text,
    round_id     text,
    currency     text,
    difference   bigint,                     -- signed, minor units: after less before, to the player
    covers_from  timestamptz,                -- the time it speaks of; null: not known
    covers_to    timestamptz,
    detail       text NOT NULL,
    evidence     jsonb NOT NULL DEFAULT '{}',
    first_seen   timestamptz NOT NULL,
    last_seen    timestamptz NOT NULL,
    resolved_at  timestamptz,
    resolved_by  text,                       -- who, and why; null while open or resolved by itself
    CONSTRAINT feed_findings_severity CHECK (severity IN ('error', 'warning'))
);
CREATE INDEX feed_findings_open ON feed_findings (provider, feed, scope) WHERE resolved_at IS NULL;

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
    superseded_no   bigint NOT NULL,         -- stored_no of what took its place
    CONSTRAINT feed_superseded_pkey PRIMARY KEY (provider, record_id, occurrence, superseded_no)
);
CREATE INDEX feed_superseded_by_order ON feed_superseded (provider, superseded_no);

CREATE TABLE closes (
    provider      text NOT NULL,
    business_day  date NOT NULL,
    starts_at     timestamptz NOT NULL,      -- the day in the provider's zone, half open
    ends_at       timestamptz NOT NULL,
    closed_at     timestamptz NOT NULL,
    close_no      bigint NOT NULL,           -- records with a larger stored_no came afterwards
    run_id        text,
    records       bigint NOT NULL,
    digest        bytea NOT NULL,            -- of the day's records as they stood
    CONSTRAINT closes_pkey PRIMARY KEY (provider, business_day),
    CONSTRAINT closes_day_has_length CHECK (starts_at < ends_at)
);
CREATE INDEX closes_by_time ON closes (provider, starts_at, ends_at);

CREATE FUNCTION keep_superseded_feed_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_superseded
    SELECT o.provider, o.record_id, o.occurrence, o.round_id, o.handle, o.currency, o.stake,
           o.payout, o.rolled_back, o.created_at, o.updated_at, o.received_at, o.stored_no,
           n.stored_no
      FROM was o JOIN became n USING (provider, record_id, occurrence)
     WHERE n.stored_no <> o.stored_no
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER feed_records_keep_superseded AFTER UPDATE ON feed_records
    REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION keep_superseded_feed_record();

CREATE TRIGGER feed_superseded_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON feed_superseded FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_file_parts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON feed_file_parts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
