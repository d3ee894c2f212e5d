-- What an operator sees of the queues, and what an operator may decide about them.
--
-- Map of the tables
--   parked          now with its whole context; a parked batch cannot be forgotten
--   paused_queues   queues that workers leave alone, with who said so and why
--   canaries        the last probe sent through each queue, and the last one that came out
--   workers_seen    heartbeats of workers and schedulers
--   job_runs        now leases: a claim that is not completed is taken over

-- Parked work: grouped by a stable fingerprint of its cause, with everything needed to look.
ALTER TABLE parked
    ADD COLUMN fingerprint text NOT NULL DEFAULT '',
    ADD COLUMN context jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN times integer NOT NULL DEFAULT 1,      -- how often the same thing was parked
    ADD COLUMN last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD CONSTRAINT parked_times_positive CHECK (times > 0);
UPDATE parked SET fingerprint = left(md5(job || ' ' || cause), 12), last_at = parked_at;
CREATE INDEX parked_by_fingerprint ON parked (fingerprint);

-- Money accepted must be booked: as long as a batch is parked, its row says why.
CREATE FUNCTION parked_batches_stay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept text;
BEGIN
    SELECT d.subject INTO kept FROM removed d
      JOIN batches b ON b.batch_id = substring(d.subject FROM '^batch ([0-9]+)$')::bigint
     WHERE d.job = 'post.v1' AND b.parked_at IS NOT NULL AND b.posted_at IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is parked: it must be booked, it cannot be discarded', kept
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'parked_batches_stay';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER parked_batches_stay AFTER DELETE ON parked
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION parked_batches_stay();
CREATE TRIGGER parked_is_never_emptied BEFORE TRUNCATE ON parked
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE paused_queues (
    queue       text PRIMARY KEY,
    paused_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    paused_by   text NOT NULL,
    why         text NOT NULL,
    CONSTRAINT paused_queues_by_somebody CHECK (paused_by <> ''),
    CONSTRAINT paused_queues_for_a_reason CHECK (why <> '')
);

CREATE TABLE canaries (
    queue       text PRIMARY KEY,
    number      bigint NOT NULL,             -- of the last one sent
    asked_at    timestamptz NOT NULL,
    passed      bigint NOT NULL DEFAULT 0,   -- number of the last one that a worker saw
    passed_at   timestamptz,
    passed_by   text,
    CONSTRAINT canaries_pass_after_they_are_sent CHECK (passed <= number)
);

CREATE TABLE workers_seen (
    worker      text PRIMARY KEY,            -- host, process id and start, as one name
    role        text NOT NULL,
    host        text NOT NULL,
    pid         integer NOT NULL,
    version     text NOT NULL,
    started_at  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,        -- its last sign of progress, not of existence
    CONSTRAINT workers_seen_role CHECK (role IN ('worker', 'scheduler'))
);

-- Claims become leases. Rows that code before this migration writes never run out, as before.
ALTER TABLE job_runs
    ADD COLUMN owner text NOT NULL DEFAULT '',
    ADD COLUMN lease_until timestamptz NOT NULL DEFAULT 'infinity',
    ADD COLUMN attempts integer NOT NULL DEFAULT 1,
    ADD COLUMN done_at timestamptz;
UPDATE job_runs SET done_at = claimed_at;
CREATE INDEX job_runs_unfinished ON job_runs (lease_until) WHERE done_at IS NULL;
