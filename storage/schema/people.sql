-- People: who may act, and what the database itself checks about them.
--
--   people    one row per person; rows are disabled, never removed
--   audit     gets the person in whose name something was done, and the one who did it
--   adjustments  gets the accounts and operating-system users behind both steps
--
-- A transaction says who acts with set_config(…, true), see storage/people.py:
--   tieout.person   the person in whose name it is done
--   tieout.acting   the person who does it
--   tieout.session  whom the operating-system user of the process stands for: an array of ids

CREATE TABLE people (
    person_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL,             -- normalised: vocabulary/people.py
    skeleton      text NOT NULL,             -- the name with lookalikes as Latin letters
    display_name  text NOT NULL,
    roles         text[] NOT NULL,
    os_user       text,                      -- null: the person signs in with a token only
    token_hash    text,                      -- SHA-256 of the personal token, in hex
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT people_name_once UNIQUE (name),
    CONSTRAINT people_no_lookalikes UNIQUE (skeleton),
    CONSTRAINT people_token_once UNIQUE (token_hash),
    CONSTRAINT people_name_normalised
        CHECK (name <> '' AND name = btrim(name) AND name = lower(name)
               AND name !~ '[[:space:]]{2}'
               AND CASE WHEN getdatabaseencoding() = 'UTF8'  -- PostgreSQL knows it only there
                        THEN name IS NFKC NORMALIZED ELSE true END
               AND name NOT IN ('reconcile', 'tieout')),  -- jobs of the audit trail
    CONSTRAINT people_have_roles
        CHECK (cardinality(roles) > 0
               AND roles <@ ARRAY['viewer', 'finance', 'approver', 'ops', 'admin']),
    CONSTRAINT people_os_user_not_empty CHECK (os_user <> ''),
    CONSTRAINT people_token_hash_shape CHECK (token_hash ~ '^[0-9a-f]{64}$')
);
CREATE INDEX people_by_os_user ON people (os_user) WHERE os_user IS NOT NULL;

-- Whoever once acted stays who they are.
CREATE FUNCTION refuse_other_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the person % keeps id and name', OLD.name
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'people_keep_their_name';
END $$;
CREATE TRIGGER people_keep_their_name BEFORE UPDATE ON people FOR EACH ROW
    WHEN (NEW.person_id <> OLD.person_id OR NEW.name <> OLD.name
          OR NEW.skeleton <> OLD.skeleton OR NEW.created_at <> OLD.created_at)
    EXECUTE FUNCTION refuse_other_person();
CREATE TRIGGER people_never_removed BEFORE DELETE OR TRUNCATE ON people
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Four eyes ------------------------------------------------------------------------------------

-- The accounts and operating-system users behind a step that bears a person's name; those in
-- whose session it is taken begin with 'via'. Refuses a name that nobody has and a disabled
-- person, whoever runs the statement.
CREATE FUNCTION eyes_of(by_name text) RETURNS text[] LANGUAGE plpgsql AS $$
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

-- Two steps were not done by two people if they share an account or an operating-system user, or
-- if one was taken in the session of somebody who took the other. Two people with tokens may
-- share the session of a third: in containers everybody is root.
CREATE FUNCTION are_two_people(first text[], second text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM unnest(first) a, unnest(second) b
         WHERE regexp_replace(a, '^via ', '') = regexp_replace(b, '^via ', '')
           AND NOT (a LIKE 'via %' AND b LIKE 'via %'))
$$;

ALTER TABLE adjustments
    ADD COLUMN proposed_eyes text[],         -- eyes_of() the proposer when it was proposed
    ADD COLUMN decided_eyes text[],          -- eyes_of() the one who decided, at that moment
    ADD CONSTRAINT adjustments_two_people CHECK (are_two_people(proposed_eyes, decided_eyes));

-- For any table with proposed_by, decided_by, state and the two arrays of eyes. What a statement
-- says about the eyes is ignored: the database finds them out.
CREATE FUNCTION keep_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER adjustments_eyes BEFORE INSERT OR UPDATE ON adjustments
    FOR EACH ROW EXECUTE FUNCTION keep_eyes();

-- The audit trail ------------------------------------------------------------------------------

ALTER TABLE audit
    ADD COLUMN person_id bigint REFERENCES people,  -- in whose name; null: a job, or before people
    ADD COLUMN acting_id bigint REFERENCES people,  -- who did it: an administrator for another
    ADD CONSTRAINT audit_acting_for_a_person CHECK ((person_id IS NULL) = (acting_id IS NULL));

-- Rows of jobs within a person's command keep the job's name and no person.
CREATE FUNCTION audit_names_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT person_id, current_setting('tieout.acting')::bigint
      INTO NEW.person_id, NEW.acting_id
      FROM people
     WHERE person_id = current_setting('tieout.person')::bigint AND name = NEW.actor;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_names_people BEFORE INSERT ON audit FOR EACH ROW
    WHEN (current_setting('tieout.person', true) <> '')
    EXECUTE FUNCTION audit_names_people();
