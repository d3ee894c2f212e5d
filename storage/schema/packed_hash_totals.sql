-- What the packed hashes of archives come to, so that one that was taken out, or changed, is found.
-- Uses leaving_rows.sql and leaving_records.sql.
--
--   packed_hash_totals  by table: how many hashes were added, and the digest of all of them
--
-- Nothing else knows which rows left: a key whose hash is gone would be booked again. `tieout ledger
-- verify` compares the totals with the hashes that are there.

-- Hashes that are being added now are committed before they are counted.
LOCK TABLE archived_keys, archived_records IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE packed_hash_totals (
    packed  text PRIMARY KEY,
    hashes  bigint NOT NULL,
    digest  bigint NOT NULL,           -- XOR of what packed_digest() has for each of them
    CONSTRAINT packed_hash_totals_packed_known
        CHECK (packed IN ('archived_keys', 'archived_records'))
);

-- Of one hash with its day, or with its content and month.
CREATE FUNCTION packed_digest(hash bigint, content bigint, at smallint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hash # content # (at::bigint << 40)
$$;

INSERT INTO packed_hash_totals
SELECT 'archived_keys', count(u.hash), coalesce(bit_xor(packed_digest(u.hash, 0, u.day)), 0)
  FROM archived_keys k, unnest(k.hashes, k.days) AS u (hash, day)
 UNION ALL
SELECT 'archived_records', count(u.hash),
       coalesce(bit_xor(packed_digest(u.hash, u.content, u.month)), 0)
  FROM archived_records k, unnest(k.hashes, k.contents, k.months) AS u (hash, content, month);

-- Hashes are added within the functions that let go only, and never taken out.
CREATE FUNCTION packed_hash_totals_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tieout.letting_go', true) IS DISTINCT FROM 'yes'
       OR NEW.packed <> OLD.packed OR NEW.hashes < OLD.hashes THEN
        RAISE EXCEPTION 'append-only: % on packed_hash_totals is refused', TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'packed_hash_totals_follow';
    END IF;
    RETURN NEW;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION packed_hash_totals_must_follow() SET search_path = %I, pg_temp',
                   current_schema());
END $$;
CREATE TRIGGER packed_hash_totals_follow BEFORE UPDATE ON packed_hash_totals
    FOR EACH ROW EXECUTE FUNCTION packed_hash_totals_must_follow();
CREATE TRIGGER packed_hash_totals_append_only BEFORE INSERT OR DELETE OR TRUNCATE
    ON packed_hash_totals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A function of before this revision, which has begun and waits for the lock above, would go on
-- and count nothing. It ends here, and whoever called it begins again with that of today.
CREATE FUNCTION packed_hashes_must_be_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tieout.counting', true) IS DISTINCT FROM 'yes' THEN
        RAISE EXCEPTION '% is merged and counted at once: repeat the command', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_counted';
    END IF;
    RETURN NULL;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION packed_hashes_must_be_counted() SET search_path = %I, pg_temp',
                   current_schema());
END $$;
CREATE TRIGGER archived_keys_counted BEFORE DELETE ON archived_keys
    FOR EACH STATEMENT EXECUTE FUNCTION packed_hashes_must_be_counted();
CREATE TRIGGER archived_records_counted BEFORE DELETE ON archived_records
    FOR EACH STATEMENT EXECUTE FUNCTION packed_hashes_must_be_counted();

-- As before, and the totals take what was not there.
CREATE OR REPLACE FUNCTION merge_archived_keys(since bigint, OUT next bigint) LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    PERFORM set_config('tieout.counting', 'yes', true);
    next := least((SELECT hash FROM leaving_keys WHERE hash > since
                    ORDER BY hash OFFSET 100000 LIMIT 1),
                  (SELECT first_hash FROM archived_keys WHERE first_hash > since
                    ORDER BY first_hash OFFSET 700 LIMIT 1));
    first := coalesce((SELECT max(first_hash) FROM archived_keys WHERE first_hash <= since),
                      since);
    WITH replaced AS (
        DELETE FROM archived_keys k
         WHERE k.first_hash >= first AND (next IS NULL OR k.first_hash < next)
        RETURNING k.hashes, k.days
    ), was AS MATERIALIZED (
        SELECT u.hash, u.day FROM replaced k, unnest(k.hashes, k.days) AS u (hash, day)
    ), merged AS MATERIALIZED (
        SELECT hash, day FROM leaving_keys
         WHERE hash >= since AND (next IS NULL OR hash < next)
         UNION
        SELECT hash, day FROM was
    ), written AS (
        INSERT INTO archived_keys (first_hash, hashes, days)
        SELECT min(hash), array_agg(hash ORDER BY hash, day), array_agg(day ORDER BY hash, day)
          FROM (SELECT m.hash, m.day, (rank() OVER (ORDER BY m.hash) - 1) / 150 AS part
                  FROM merged m) m
         GROUP BY part
    )
    UPDATE packed_hash_totals t
       SET hashes = t.hashes + n.hashes - w.hashes, digest = t.digest # n.digest # w.digest
      FROM (SELECT count(*) AS hashes,
                   coalesce(bit_xor(packed_digest(hash, 0, day)), 0) AS digest FROM merged) n,
           (SELECT count(*) AS hashes,
                   coalesce(bit_xor(packed_digest(hash, 0, day)), 0) AS digest FROM was) w
     WHERE t.packed = 'archived_keys';
    PERFORM set_config('tieout.counting', '', true);
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

-- As before, and the totals take what was not there.
CREATE OR REPLACE FUNCTION merge_archived_records(since bigint, OUT next bigint)
    LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    PERFORM set_config('tieout.counting', 'yes', true);
    next := least((SELECT hash FROM leaving_versions WHERE hash > since
                    ORDER BY hash OFFSET 100000 LIMIT 1),
                  (SELECT first_hash FROM archived_records WHERE first_hash > since
                    ORDER BY first_hash OFFSET 700 LIMIT 1));
    first := coalesce((SELECT max(first_hash) FROM archived_records WHERE first_hash <= since),
                      since);
    WITH replaced AS (
        DELETE FROM archived_records k
         WHERE k.first_hash >= first AND (next IS NULL OR k.first_hash < next)
        RETURNING k.hashes, k.contents, k.months
    ), was AS MATERIALIZED (
        SELECT u.hash, u.content, u.month
          FROM replaced k, unnest(k.hashes, k.contents, k.months) AS u (hash, content, month)
    ), merged AS MATERIALIZED (
        SELECT hash, content, min(month) AS month
          FROM (SELECT hash, content, month FROM leaving_versions
                 WHERE hash >= since AND (next IS NULL OR hash < next)
                 UNION ALL
                SELECT hash, content, month FROM was) m
         GROUP BY hash, content
    ), written AS (
        INSERT INTO archived_records (first_hash, hashes, contents, months)
        SELECT min(hash), array_agg(hash ORDER BY hash, content),
               array_agg(content ORDER BY hash, content),
               array_agg(month ORDER BY hash, content)
          FROM (SELECT m.*, (rank() OVER (ORDER BY m.hash) - 1) / 140 AS part FROM merged m) m
         GROUP BY part
    )
    UPDATE packed_hash_totals t
       SET hashes = t.hashes + n.hashes - w.hashes, digest = t.digest # n.digest # w.digest
      FROM (SELECT count(*) AS hashes,
                   coalesce(bit_xor(packed_digest(hash, content, month)), 0) AS digest
              FROM merged) n,
           (SELECT count(*) AS hashes,
                   coalesce(bit_xor(packed_digest(hash, content, month)), 0) AS digest
              FROM was) w
     WHERE t.packed = 'archived_records';
    PERFORM set_config('tieout.counting', '', true);
    PERFORM set_config('tieout.letting_go', '', true);
END $$;
