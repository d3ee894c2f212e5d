-- The queues as operators see them: work that was given up, pauses, probes, heartbeats, leases.
-- Uses refuse_change() and the batches table of ledger.sql.
--
--   parked             work that failed for good, with the reason; it never expires
--   paused_queues      queues that workers leave alone, with who paused them and why
--   canaries           the last probe sent through each queue, and the last one that came out
--   worker_heartbeats  heartbeats of workers and schedulers
--   job_runs           leases of scheduled jobs

CREATE TABLE parked (
    parked_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job          text NOT NULL,              -- 'post.v1', 'ingest.v1', ...
    subject      text NOT NULL,              -- the batch, delivery or slot it is about
    cause        text NOT NULL,              -- the broken constraint, or the kind of error
    detail       text NOT NULL,
    parked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    fingerprint  text NOT NULL DEFAULT '',   -- the same for all failures of one kind
    context      jsonb NOT NULL DEFAULT '{}',
    times        integer NOT NULL DEFAULT 1, -- how often the same subject was parked
    last_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT parked_once UNIQUE (job, subject),
    CONSTRAINT parked_times_positive CHECK (times > 0)
);
CREATE INDEX parked_by_fingerprint ON parked (fingerprint);

-- Accepted money must be booked: as long as a batch is parked, its row stays.
CREATE FUNCTION parked_batches_stay() RETURNS trigger LANGUAGE plpgsql AS $$
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
    reason      text NOT NULL,
    CONSTRAINT paused_queues_by_somebody CHECK (paused_by <> ''),
    CONSTRAINT paused_queues_for_a_reason CHECK (reason <> '')
);

CREATE TABLE canaries (
    queue       text PRIMARY KEY,
    number      bigint NOT NULL,             -- of the last one sent
    sent_at     timestamptz NOT NULL,
    passed      bigint NOT NULL DEFAULT 0,   -- number of the last one that reached a worker
    passed_at   timestamptz,
    passed_by   text,
    CONSTRAINT canaries_pass_after_they_are_sent CHECK (passed <= number)
);

CREATE TABLE worker_heartbeats (
    worker      text PRIMARY KEY,            -- host, process id and start, as one name
    role        text NOT NULL,
    host        text NOT NULL,
    pid         integer NOT NULL,
    version     text NOT NULL,
    started_at  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,        -- its last progress; existing is not enough
    CONSTRAINT worker_heartbeats_role CHECK (role IN ('worker', 'scheduler'))
);

-- Each job runs once per slot, however many schedulers there are. A claim is a lease: another
-- scheduler takes over what is not done when it ends.
CREATE TABLE job_runs (
    job          text NOT NULL,
    slot         text NOT NULL,              -- the business date or interval it stands for
    claimed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner        text NOT NULL DEFAULT '',
    lease_until  timestamptz NOT NULL DEFAULT 'infinity',
    attempts     integer NOT NULL DEFAULT 1,
    done_at      timestamptz,
    CONSTRAINT job_runs_once PRIMARY KEY (job, slot)
);
CREATE INDEX job_runs_unfinished ON job_runs (lease_until) WHERE done_at IS NULL;
