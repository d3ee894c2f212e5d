-- Rows of archived months: operations and rounds that left the database, and those that are wanted
-- back. Uses ledger.sql, archive.sql and month_ends.sql.
--
--   archived_row_months  the months whose rows leave or left, oldest first
--   archived_keys        packed hashes of the operation keys and rounds whose rows left
--   recalls              what is wanted back from the archives, and what came
--
-- A key stays unique for ever. A batch that names a key or a round that left is refused by the
-- triggers below; the acceptor then asks for its rows, and the provider is told to send again.

CREATE TABLE archived_row_months (
    month       date PRIMARY KEY REFERENCES archives (month),
    at          timestamptz NOT NULL,  -- the first instant after the month, in UTC
    operations  bigint NOT NULL DEFAULT 0,  -- rows that left
    rounds      bigint NOT NULL DEFAULT 0,
    begun_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    let_go_at   timestamptz,           -- when the last row left; null: not all did yet
    CONSTRAINT archived_row_months_end_with_their_month
        CHECK (at = (month + interval '1 month') AT TIME ZONE 'UTC')
);

-- Whoever reads operations or rounds before this instant reads what is left of them.
CREATE FUNCTION rows_begin_at() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT max(at) FROM archived_row_months), '-infinity')
$$;

-- Hashes in ascending order, cut into rows: a hash is in the last row that does not begin after it.
-- Equal hashes are in one row. Ten bytes a hash, and one look-up whatever left.
CREATE TABLE archived_keys (
    first_hash  bigint PRIMARY KEY,
    hashes      bigint[] NOT NULL,
    days        smallint[] NOT NULL,   -- of the archive that has the row, days since 1970
    CONSTRAINT archived_keys_begin_with_their_first CHECK (hashes[1] = first_hash),
    CONSTRAINT archived_keys_have_a_day_each CHECK (cardinality(hashes) = cardinality(days))
);
ALTER TABLE archived_keys ALTER hashes SET STORAGE PLAIN, ALTER days SET STORAGE PLAIN;

-- The hash of an operation's key; that of a round is its match_key.
CREATE FUNCTION operation_hash(provider text, op_key text) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ('x' || encode(substring(sha256(convert_to(provider || E'\n' || op_key, 'UTF8')) FOR 8),
                          'hex'))::bit(64)::bigint
$$;

-- The days of the archives that have rows with this hash; null: none left.
CREATE FUNCTION archived_days(hash bigint) RETURNS smallint[]
    LANGUAGE sql STABLE STRICT AS $$
    SELECT ARRAY(SELECT u.day FROM unnest(k.hashes, k.days) AS u (hash, day)
                  WHERE u.hash = archived_days.hash)
      FROM (SELECT hashes, days FROM archived_keys WHERE first_hash <= archived_days.hash
             ORDER BY first_hash DESC LIMIT 1) k
     WHERE archived_days.hash = ANY(k.hashes)
$$;

-- One row per demand. A hash may be that of another key: such a key is absent from the archive,
-- and is new.
CREATE TABLE recalls (
    recall_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,
    provider    text NOT NULL,
    name        text NOT NULL,         -- the operation's key, or the round's id
    hash        bigint NOT NULL,
    wanted_by   text NOT NULL,         -- 'callback', 'posting', or a person
    wanted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    came_at     timestamptz,
    operations  integer,               -- rows that came; 0: the archive has none of that name
    CONSTRAINT recalls_kind_known CHECK (kind IN ('operation', 'round')),
    CONSTRAINT recalls_came_with_a_count CHECK ((came_at IS NULL) = (operations IS NULL))
);
CREATE UNIQUE INDEX recalls_wanted ON recalls (provider, kind, name) WHERE came_at IS NULL;
CREATE INDEX recalls_absent ON recalls (hash) WHERE operations = 0;
CREATE TRIGGER recalls_never_removed BEFORE DELETE OR TRUNCATE ON recalls
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whether rows of this name left and are still away.
CREATE FUNCTION is_operation_away(provider text, op_key text) RETURNS boolean
    LANGUAGE sql STABLE STRICT AS $$
    SELECT archived_days(h.hash) IS NOT NULL
           AND NOT EXISTS (SELECT FROM recalls r WHERE r.hash = h.hash AND r.operations = 0
                              AND (r.kind, r.provider, r.name)
                                  = ('operation', is_operation_away.provider, op_key))
           AND NOT EXISTS (SELECT FROM operations o
                            WHERE o.provider = is_operation_away.provider
                              AND o.op_key = is_operation_away.op_key)
      FROM (SELECT operation_hash(is_operation_away.provider, is_operation_away.op_key)) h (hash)
$$;
CREATE FUNCTION is_round_away(provider text, round_id text, match_key bigint) RETURNS boolean
    LANGUAGE sql STABLE STRICT AS $$
    SELECT archived_days(is_round_away.match_key) IS NOT NULL
           AND NOT EXISTS (SELECT FROM recalls r
                            WHERE r.hash = is_round_away.match_key AND r.operations = 0
                              AND (r.kind, r.provider, r.name)
                                  = ('round', is_round_away.provider, is_round_away.round_id))
           AND NOT EXISTS (SELECT FROM rounds d
                            WHERE d.match_key = is_round_away.match_key
                              AND d.provider = is_round_away.provider
                              AND d.round_id = is_round_away.round_id)
$$;

-- Books of which nothing left pay one look at an empty table, and others three look-ups in
-- archived_keys for an operation: a function for each of them would take ten times as long. The
-- table grows within minutes, and what is planned for a small one is kept: hence no scans.
-- Within recall_rows() rows may come back; only the owner gets there.
CREATE FUNCTION operations_are_not_away() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
DECLARE
    away record;
BEGIN
    IF NOT EXISTS (SELECT FROM archived_keys)
       OR (current_setting('tieout.recalling', true) = 'yes'
           AND has_function_privilege('take_month_end()', 'EXECUTE')) THEN
        RETURN NULL;
    END IF;
    SELECT w.provider, w.op_key INTO away
      FROM written w
     CROSS JOIN LATERAL (VALUES ('key', operation_hash(w.provider, w.op_key)),
                                ('round', w.match_key),
                                ('reverses', operation_hash(w.provider, w.reverses)))
           AS h (part, hash)
     CROSS JOIN LATERAL (SELECT k.hashes FROM archived_keys k WHERE k.first_hash <= h.hash
                          ORDER BY k.first_hash DESC LIMIT 1) AS k
     WHERE h.hash = ANY (k.hashes)
       AND CASE h.part
           WHEN 'key' THEN NOT EXISTS (SELECT FROM recalls r
                                        WHERE r.hash = h.hash AND r.operations = 0
                                          AND (r.kind, r.provider, r.name)
                                              = ('operation', w.provider, w.op_key))
           WHEN 'round' THEN is_round_away(w.provider, w.round_id, w.match_key)
           ELSE is_operation_away(w.provider, w.reverses) END
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation % of %, its round or what it undoes left for an archive',
                        away.op_key, away.provider
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'operations_are_not_away';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER operations_are_not_away AFTER INSERT ON operations
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION operations_are_not_away();

-- Posting would make half a round of it.
CREATE FUNCTION rounds_are_not_away() RETURNS trigger LANGUAGE plpgsql
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
       AND NOT EXISTS (SELECT FROM recalls r
                        WHERE r.hash = w.match_key AND r.operations = 0
                          AND (r.kind, r.provider, r.name) = ('round', w.provider, w.round_id))
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
CREATE TRIGGER rounds_are_not_away AFTER INSERT ON rounds
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION rounds_are_not_away();
