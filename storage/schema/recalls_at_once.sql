-- Recalls begin when they are demanded, and asking what is away costs less. Uses archived_rows.sql.

-- As before, but STABLE, as convert_to() is: only so does PostgreSQL put the expression in the place
-- of the call, which takes longer than the hash.
CREATE OR REPLACE FUNCTION operation_hash(provider text, op_key text) RETURNS bigint
    LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT ('x' || encode(substring(sha256(convert_to(provider || E'\n' || op_key, 'UTF8')) FOR 8),
                          'hex'))::bit(64)::bigint
$$;

-- Whether it is known that no archive has this name: its hash is that of another one.
CREATE FUNCTION is_name_absent(kind text, provider text, name text, hash bigint) RETURNS boolean
    LANGUAGE sql STABLE STRICT AS $$
    SELECT EXISTS (SELECT FROM recalls r
                    WHERE r.hash = is_name_absent.hash AND r.operations = 0
                      AND (r.kind, r.provider, r.name)
                          = (is_name_absent.kind, is_name_absent.provider, is_name_absent.name))
$$;

-- Whether rows of this name left and are still away, as before. OFFSET 0 keeps the hash one
-- computation.
CREATE OR REPLACE FUNCTION is_operation_away(provider text, op_key text) RETURNS boolean
    LANGUAGE sql STABLE STRICT AS $$
    SELECT archived_days(h.hash) IS NOT NULL
           AND NOT is_name_absent('operation', is_operation_away.provider, op_key, h.hash)
           AND NOT EXISTS (SELECT FROM operations o
                            WHERE o.provider = is_operation_away.provider
                              AND o.op_key = is_operation_away.op_key)
      FROM (SELECT operation_hash(is_operation_away.provider, is_operation_away.op_key)
            OFFSET 0) h (hash)
$$;
CREATE OR REPLACE FUNCTION is_round_away(provider text, round_id text, match_key bigint)
    RETURNS boolean LANGUAGE sql STABLE STRICT AS $$
    SELECT archived_days(is_round_away.match_key) IS NOT NULL
           AND NOT is_name_absent('round', is_round_away.provider, is_round_away.round_id,
                                  is_round_away.match_key)
           AND NOT EXISTS (SELECT FROM rounds d
                            WHERE d.match_key = is_round_away.match_key
                              AND d.provider = is_round_away.provider
                              AND d.round_id = is_round_away.round_id)
$$;

-- As before, and the detail of a refusal names all that is away, as JSON: kind, provider, name of
-- each. So nobody has to ask a second time.
CREATE OR REPLACE FUNCTION operations_are_not_away() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
DECLARE
    away record;
BEGIN
    IF NOT EXISTS (SELECT FROM archived_keys)
       OR (current_setting('tieout.recalling', true) = 'yes'
           AND has_function_privilege('take_month_end()', 'EXECUTE')) THEN
        RETURN NULL;
    END IF;
    SELECT min(w.provider) AS provider, min(w.op_key) AS op_key,
           jsonb_agg(DISTINCT jsonb_build_array(h.kind, w.provider, h.name)) AS names INTO away
      FROM written w
     CROSS JOIN LATERAL
           (VALUES ('key', 'operation', w.op_key, operation_hash(w.provider, w.op_key)),
                   ('round', 'round', w.round_id, w.match_key),
                   ('reverses', 'operation', w.reverses,
                    operation_hash(w.provider, w.reverses)))
           AS h (part, kind, name, hash)
     CROSS JOIN LATERAL (SELECT k.hashes FROM archived_keys k WHERE k.first_hash <= h.hash
                          ORDER BY k.first_hash DESC LIMIT 1) AS k
     WHERE h.hash = ANY (k.hashes)
       AND CASE h.part
           WHEN 'key' THEN NOT is_name_absent(h.kind, w.provider, h.name, h.hash)
           WHEN 'round' THEN is_round_away(w.provider, w.round_id, w.match_key)
           ELSE is_operation_away(w.provider, w.reverses) END;
    IF away.names IS NOT NULL THEN
        RAISE EXCEPTION 'operation % of %, its round or what it undoes left for an archive',
                        away.op_key, away.provider
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'operations_are_not_away',
                  DETAIL = away.names::text;
    END IF;
    RETURN NULL;
END $$;

-- As before.
CREATE OR REPLACE FUNCTION rounds_are_not_away() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
DECLARE
    away record;
BEGIN
    IF NOT EXISTS (SELECT FROM archived_keys)
       OR (current_setting('tieout.recalling', true) = 'yes'
           AND has_function_privilege('take_month_end()', 'EXECUTE')) THEN
        RETURN NULL;
    END IF;
    SELECT w.provider, w.round_id INTO away
      FROM written w
     CROSS JOIN LATERAL (SELECT k.hashes FROM archived_keys k WHERE k.first_hash <= w.match_key
                          ORDER BY k.first_hash DESC LIMIT 1) AS k
     WHERE w.match_key = ANY (k.hashes)
       AND NOT is_name_absent('round', w.provider, w.round_id, w.match_key)
       AND NOT EXISTS (SELECT FROM rounds d
                        WHERE d.match_key = w.match_key AND d.provider = w.provider
                          AND d.round_id = w.round_id
                          AND NOT EXISTS (SELECT FROM written n
                                           WHERE n.match_key = d.match_key
                                             AND n.provider = d.provider
                                             AND n.round_id = d.round_id
                                             AND n.wallet_id = d.wallet_id))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'round % of % left for an archive: recall it first',
                        away.round_id, away.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rounds_are_not_away';
    END IF;
    RETURN NULL;
END $$;

-- Whoever demands rows wakes the schedulers, with the number of the newest demand. Nothing depends on
-- it: they look every few seconds, too.
CREATE FUNCTION recalls_are_announced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tieout_recalls', max(w.recall_id)::text) FROM written w
     HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER recalls_are_announced AFTER INSERT ON recalls REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION recalls_are_announced();

-- As before, and a day whose rows left is not closed again: no run compares it.
-- reconcile/days/states.py has the same rules.
CREATE OR REPLACE FUNCTION day_steps_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
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
    ELSIF NEW.action <> 'reopened' AND before = 'reopened' AND closed.close_no <= last.close_no
          AND closed.starts_at >= rows_begin_at() THEN
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
-- It locks rows of day_closes, which the console's role may not change. Replacing it has reset this.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION day_steps_must_follow() SECURITY DEFINER'
                   ' SET search_path = %I, pg_temp', current_schema());
END $$;
