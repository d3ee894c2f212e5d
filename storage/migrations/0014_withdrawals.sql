-- What a later telling leaves out: which file listed which record, which file stands for which,
-- and every record that is not told any more.
--
--   feed_listed       the records that each statement file named, also those it said nothing new of
--   feed_withdrawals  a record that was left out, and one that came back; the last row counts
--
-- A record that is not told any more leaves feed_records: whoever reads those reads what the
-- provider tells. What it said stays here, in feed_superseded and in feed_versions.

CREATE TABLE feed_listed (
    file_id     bigint NOT NULL REFERENCES feed_files,
    record_id   text NOT NULL,
    occurrence  integer NOT NULL,
    CONSTRAINT feed_listed_pkey PRIMARY KEY (file_id, record_id, occurrence)
);

-- Of files taken in before, those records are known that they were the first to tell.
INSERT INTO feed_listed (file_id, record_id, occurrence)
SELECT DISTINCT f.file_id, r.record_id, r.occurrence
  FROM feed_files f
  JOIN feed_versions v ON v.provider = f.provider AND v.source = f.name
                      AND v.received_at = f.received_at
  JOIN feed_records r ON r.provider = v.provider AND r.record_id = v.record_id
 WHERE f.verdict <> 'quarantined';

ALTER TABLE feed_files
    ADD COLUMN replaced_by bigint REFERENCES feed_files;  -- the file that restates it; null: it stands

CREATE TABLE feed_withdrawals (
    withdrawal_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider       text NOT NULL,
    feed           text NOT NULL,
    record_id      text NOT NULL,
    occurrence     integer NOT NULL,
    event          text NOT NULL,            -- 'withdrawn', 'told_again'
    round_id       text NOT NULL,            -- the record as it stood, or as it stands again
    match_key      bigint NOT NULL,
    handle         text NOT NULL,
    currency       text NOT NULL,
    stake          bigint NOT NULL,
    payout         bigint NOT NULL,
    rolled_back    boolean NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    told_by        text NOT NULL,            -- where it came from: a file's name, 'push', 'pull'
    told_at        timestamptz NOT NULL,     -- our instant of that
    changed_by     text NOT NULL,            -- what left it out, or told it again
    file_id        bigint REFERENCES feed_files,  -- the file that left it out
    changed_no     bigint NOT NULL,          -- the place of this among all storings
    changed_at     timestamptz NOT NULL,     -- our instant
    CONSTRAINT feed_withdrawals_event CHECK (event IN ('withdrawn', 'told_again'))
);
CREATE INDEX feed_withdrawals_by_record
    ON feed_withdrawals (provider, record_id, occurrence, withdrawal_id);
CREATE INDEX feed_withdrawals_by_round ON feed_withdrawals (match_key);
CREATE INDEX feed_withdrawals_by_file ON feed_withdrawals (file_id);

-- A record that is told again with a win is young again, however old it is itself.
CREATE INDEX feed_records_by_update ON feed_records USING brin (updated_at);

CREATE TRIGGER feed_listed_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON feed_listed FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_withdrawals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON feed_withdrawals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
