-- Business days: what people do after a run closed a day. Uses eyes_of() of people.sql.
--
--   day_steps   prepared, signed, reopened: append-only, with the figures of that moment
--   day_closes  gets the reason of a close that misses something, and who gave it

ALTER TABLE day_closes
    ADD COLUMN reason text,                  -- why it was closed although something was missing
    ADD COLUMN closed_by text,               -- the person who asked for it; null: the schedule
    ADD CONSTRAINT day_closes_reason_not_empty CHECK (reason <> ''),
    ADD CONSTRAINT day_closes_closed_by_somebody CHECK (closed_by <> '');

CREATE TABLE day_steps (
    step_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider      text NOT NULL,
    business_day  date NOT NULL,
    number        integer NOT NULL,          -- 1, 2, 3 … within the day: of two steps at once, one
    action        text NOT NULL,
    by_name       text NOT NULL,             -- the person in whose name it is done
    eyes          text[] NOT NULL,           -- eyes_of() that person at that moment
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason        text NOT NULL DEFAULT '',
    two_people    boolean NOT NULL,          -- what the settings asked for
    close_no      bigint NOT NULL,           -- of the close that it rests on
    run_id        text,                      -- the run that closed the day
    seal          text,                      -- the last ledger seal at that moment
    figures       jsonb NOT NULL,            -- both sides, open breaks by count and money
    FOREIGN KEY (provider, business_day) REFERENCES day_closes (provider, business_day),
    CONSTRAINT day_steps_once UNIQUE (provider, business_day, number),
    CONSTRAINT day_steps_action_known CHECK (action IN ('prepared', 'signed', 'reopened')),
    CONSTRAINT day_steps_reopened_for_a_reason CHECK (action <> 'reopened' OR reason <> '')
);
CREATE TRIGGER day_steps_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON day_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- reconcile/days/states.py has the same rules.
CREATE FUNCTION day_steps_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
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
    ELSIF NEW.action <> 'reopened' AND before = 'reopened' AND closed.close_no <= last.close_no THEN
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
CREATE TRIGGER day_steps_follow BEFORE INSERT ON day_steps
    FOR EACH ROW EXECUTE FUNCTION day_steps_must_follow();

-- No day is closed before it is over, and no prepared or signed one is closed again.
CREATE FUNCTION day_closes_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER day_closes_follow BEFORE INSERT OR UPDATE ON day_closes
    FOR EACH ROW EXECUTE FUNCTION day_closes_must_follow();
