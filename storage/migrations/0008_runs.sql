-- Passes over what changed: how far the last run of a window looked, and which runs saw all of it.

ALTER TABLE runs
    ADD COLUMN whole boolean NOT NULL DEFAULT true;  -- false: looked only at what had changed

CREATE TABLE run_marks (
    provider     text NOT NULL,
    window_from  timestamptz NOT NULL,
    window_to    timestamptz NOT NULL,
    run_id       text NOT NULL REFERENCES runs,
    judged_at    timestamptz NOT NULL,       -- the run's reading of the clock
    maturity     interval NOT NULL,          -- below which a one-sided round was timing then
    terms        text NOT NULL,              -- digest of settings, rules and code
    handles      text NOT NULL,              -- digest of whom the provider's handles stand for
    oldest_xid   bigint NOT NULL,            -- of transactions then under way: what came before was seen
    stored_no    bigint NOT NULL,            -- feed records up to this number were seen
    CONSTRAINT run_marks_pkey PRIMARY KEY (provider, window_from, window_to)
);

-- What was told since a number: written in that order, but for records told again.
CREATE INDEX feed_records_by_order ON feed_records USING brin (stored_no);
