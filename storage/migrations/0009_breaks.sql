-- The life of a break, beside what the runs write about it; notes and evidence; and what the
-- provider says when its detail endpoint is asked.

-- States ---------------------------------------------------------------------------------------

-- Which step may follow which: breaks.states holds the same table.
CREATE TABLE break_steps (
    before text NOT NULL,
    after  text NOT NULL,
    CONSTRAINT break_steps_pkey PRIMARY KEY (before, after)
);
INSERT INTO break_steps (before, after) VALUES
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
CREATE TRIGGER break_steps_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON break_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE break_lives (
    break_id   text PRIMARY KEY REFERENCES breaks,
    state      text NOT NULL,
    assignee   text,
    since      timestamptz NOT NULL,          -- in this state since
    opened_at  timestamptz NOT NULL,          -- first seen, or reopened: age and SLA count from here
    reopened   integer NOT NULL DEFAULT 0,
    settled    bigint,                        -- the difference that a person explained or closed
    answer     text,                          -- what the provider last said about it
    CONSTRAINT break_lives_state_known CHECK (state IN (
        'open', 'assigned', 'explained', 'adjustment_proposed', 'approved', 'posted', 'closed')),
    CONSTRAINT break_lives_assigned_to_somebody
        CHECK (assignee <> '' AND (state <> 'assigned' OR assignee IS NOT NULL)),
    CONSTRAINT break_lives_settled_by_a_person
        CHECK ((state <> 'explained' OR settled IS NOT NULL)
               AND (settled IS NULL OR state IN ('explained', 'closed'))),
    CONSTRAINT break_lives_answer_known CHECK (answer IN ('confirmed', 'unknown', 'failed')),
    CONSTRAINT break_lives_reopened_not_negative CHECK (reopened >= 0)
);
CREATE INDEX break_lives_unfinished ON break_lives (state, break_id) WHERE state <> 'closed';
CREATE INDEX break_lives_written_off ON break_lives (break_id)
    WHERE state = 'closed' AND settled IS NOT NULL;
CREATE INDEX IF NOT EXISTS breaks_by_run ON breaks (run_id);

INSERT INTO break_lives (break_id, state, since, opened_at)
SELECT break_id, CASE WHEN cleared_at IS NULL THEN 'open' ELSE 'closed' END,
       coalesce(cleared_at, first_seen), first_seen
  FROM breaks;

-- Whoever stores a break, it has a life from then on.
CREATE FUNCTION breaks_begin_to_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO break_lives (break_id, state, since, opened_at)
    SELECT break_id, CASE WHEN cleared_at IS NULL THEN 'open' ELSE 'closed' END, first_seen,
           first_seen
      FROM written;
    INSERT INTO audit (actor, action, subject, detail)
    SELECT 'reconcile', 'break.opened', break_id,
           jsonb_build_object('run', run_id, 'kind', kind, 'after', 'open')
      FROM written ORDER BY break_id;
    RETURN NULL;
END $$;
CREATE TRIGGER breaks_begin_to_live AFTER INSERT ON breaks
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION breaks_begin_to_live();

-- Steps only along the table; money only with the corrections that say so.
CREATE FUNCTION break_lives_must_follow_their_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.break_id <> OLD.break_id OR NEW.reopened < OLD.reopened
       OR NOT EXISTS (SELECT FROM break_steps WHERE before = OLD.state AND after = NEW.state)
    THEN
        RAISE EXCEPTION 'break % cannot go from % to %', OLD.break_id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_lives_steps';
    END IF;
    IF NEW.state IN ('approved', 'posted') AND (
           EXISTS (SELECT FROM adjustments WHERE break_id = NEW.break_id
                      AND (state = 'proposed' OR (NEW.state = 'posted' AND state = 'approved')))
           OR NOT EXISTS (SELECT FROM adjustments WHERE break_id = NEW.break_id
                             AND (state = 'posted'
                                  OR (NEW.state = 'approved' AND state = 'approved'))))
    THEN
        RAISE EXCEPTION 'break % is not % by its corrections', OLD.break_id, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_lives_corrections';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER break_lives_steps BEFORE UPDATE ON break_lives
    FOR EACH ROW WHEN (OLD.state <> NEW.state OR OLD.break_id <> NEW.break_id
                       OR NEW.reopened < OLD.reopened)
    EXECUTE FUNCTION break_lives_must_follow_their_steps();
CREATE TRIGGER break_lives_never_removed BEFORE DELETE OR TRUNCATE ON break_lives
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A correction of a break that went another way is approved by nobody.
CREATE FUNCTION adjustments_must_suit_their_break() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    SELECT state INTO found FROM break_lives WHERE break_id = NEW.break_id FOR SHARE;
    IF found NOT IN ('adjustment_proposed', 'approved') THEN
        RAISE EXCEPTION 'adjustment % repairs break %, which is %', NEW.id, NEW.break_id, found
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'adjustments_suit_their_break';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER adjustments_suit_their_break BEFORE UPDATE ON adjustments
    FOR EACH ROW WHEN (NEW.break_id IS NOT NULL AND OLD.state = 'proposed'
                       AND NEW.state = 'approved')
    EXECUTE FUNCTION adjustments_must_suit_their_break();

-- Notes ----------------------------------------------------------------------------------------

CREATE TABLE break_notes (
    note_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    break_id  text NOT NULL REFERENCES breaks,
    at        timestamptz NOT NULL,
    author    text NOT NULL,
    kind      text NOT NULL,
    body      text NOT NULL,                 -- the words; a file's name; where a link leads
    digest    text,                          -- SHA-256 of the file or page, hexadecimal
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

-- What the provider says -----------------------------------------------------------------------

CREATE TABLE detail_pages (
    digest   text PRIMARY KEY,
    content  bytea NOT NULL,
    CONSTRAINT detail_pages_digest_is_theirs
        CHECK (digest = encode(sha256(content), 'hex'))
);
CREATE TRIGGER detail_pages_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON detail_pages
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The last answer about one key; asked again once it has expired.
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

-- What is to be asked; a row is done once its answer stands at the break.
CREATE TABLE detail_requests (
    request_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    break_id    text NOT NULL REFERENCES breaks,
    provider    text NOT NULL,
    key         text NOT NULL,
    wanted_by   text NOT NULL,
    wanted_at   timestamptz NOT NULL,
    refresh     boolean NOT NULL,            -- ask even where an answer is at hand
    not_before  timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    done_at     timestamptz,
    CONSTRAINT detail_requests_attempts_not_negative CHECK (attempts >= 0),
    CONSTRAINT detail_requests_wanted_by_somebody CHECK (wanted_by <> '' AND key <> '')
);
CREATE UNIQUE INDEX detail_requests_once ON detail_requests (break_id) WHERE done_at IS NULL;
CREATE INDEX detail_requests_waiting ON detail_requests (not_before, request_id)
    WHERE done_at IS NULL;

-- When a provider may be asked again, however many workers would like to.
CREATE TABLE detail_turns (
    provider  text PRIMARY KEY,
    next_at   timestamptz NOT NULL
);
