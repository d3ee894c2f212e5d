-- Jobs: long work that people request in the console and the scheduler does in their name.
-- Uses eyes_of() of people.sql.
--
--   jobs       one for each request; removed after a while, with its files
--   job_files  what was uploaded with a request, and what a job made
--
-- The console's role inserts both and cancels what is queued. It has no right to the columns that
-- the other steps need, so it can neither begin nor end a job.

CREATE TABLE jobs (
    job_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL,
    title        text NOT NULL,              -- what it does, as a person reads it
    arguments    jsonb NOT NULL,
    heavy        boolean NOT NULL,           -- only one heavy job runs at a time
    digest       text NOT NULL,              -- SHA-256 of kind, arguments and files
    request_key  text,                       -- of the form: sent twice, it is one request
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state        text NOT NULL DEFAULT 'queued',
    runner       text,                       -- the scheduler that runs it
    started_at   timestamptz,
    heartbeat_at timestamptz,                -- how the runner shows that it is alive
    finished_at  timestamptz,
    cancelled_by text,
    progress     text[] NOT NULL DEFAULT '{}',
    percent      smallint,
    result       jsonb,
    error        text,
    dropped_at   timestamptz,                -- its files are to be removed at once
    CONSTRAINT jobs_state_known CHECK (
        state IN ('queued', 'running', 'done', 'failed', 'interrupted', 'cancelled')),
    CONSTRAINT jobs_begin CHECK (
        (state IN ('running', 'done', 'failed', 'interrupted'))
        = (started_at IS NOT NULL AND runner IS NOT NULL AND heartbeat_at IS NOT NULL)),
    CONSTRAINT jobs_end CHECK ((state IN ('queued', 'running')) = (finished_at IS NULL)),
    CONSTRAINT jobs_done_have_a_result CHECK ((state = 'done') = (result IS NOT NULL)),
    CONSTRAINT jobs_failed_say_why CHECK (
        (state IN ('failed', 'interrupted')) = (error IS NOT NULL)),
    CONSTRAINT jobs_cancelled_by_somebody CHECK (
        (state = 'cancelled') = (cancelled_by IS NOT NULL)),
    CONSTRAINT jobs_percent_of_a_hundred CHECK (percent BETWEEN 0 AND 100),
    CONSTRAINT jobs_digest_shape CHECK (digest ~ '^[0-9a-f]{64}$')
);
CREATE INDEX jobs_queued ON jobs (job_id) WHERE state = 'queued';
CREATE INDEX jobs_by_person ON jobs (requested_by, job_id);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_one_heavy ON jobs (heavy) WHERE state = 'running' AND heavy;
-- A double click is one job: the same request while it waits or runs, or the same form.
CREATE UNIQUE INDEX jobs_once_at_a_time ON jobs (requested_by, digest)
    WHERE state IN ('queued', 'running');
CREATE UNIQUE INDEX jobs_once_per_form ON jobs (requested_by, request_key, digest)
    WHERE request_key IS NOT NULL;

-- Whoever requests a job is registered, enabled, and the person of the transaction.
CREATE FUNCTION jobs_are_requested() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
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
CREATE TRIGGER jobs_are_requested BEFORE INSERT ON jobs
    FOR EACH ROW EXECUTE FUNCTION jobs_are_requested();
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION jobs_are_requested() SET search_path = %I, pg_temp',
                   current_schema());
END $$;

CREATE FUNCTION jobs_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER jobs_must_follow BEFORE UPDATE ON jobs
    FOR EACH ROW EXECUTE FUNCTION jobs_must_follow();

CREATE TABLE job_files (
    file_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id     bigint NOT NULL REFERENCES jobs ON DELETE CASCADE,
    direction  text NOT NULL DEFAULT 'in',
    name       text NOT NULL,
    media_type text NOT NULL,
    sha256     text NOT NULL,
    size       bigint NOT NULL GENERATED ALWAYS AS (octet_length(content)) STORED,
    content    bytea NOT NULL,
    CONSTRAINT job_files_direction_known CHECK (direction IN ('in', 'out')),
    CONSTRAINT job_files_named CHECK (name <> '' AND length(name) <= 200),
    CONSTRAINT job_files_sha256_is_theirs CHECK (sha256 = encode(sha256(content), 'hex')),
    CONSTRAINT job_files_at_most_256_mib CHECK (octet_length(content) <= 268435456)
);
CREATE INDEX job_files_by_job ON job_files (job_id, file_id);

-- A request is whole when it is stored: nobody slips a file into a job that runs.
CREATE FUNCTION job_files_come_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM jobs WHERE job_id = NEW.job_id
                      AND state = CASE NEW.direction WHEN 'in' THEN 'queued'
                                                     ELSE 'running' END) THEN
        RAISE EXCEPTION 'job % takes no file now', NEW.job_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'job_files_come_in_time';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER job_files_come_in_time BEFORE INSERT ON job_files
    FOR EACH ROW EXECUTE FUNCTION job_files_come_in_time();
