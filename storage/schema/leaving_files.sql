-- The bytes of statement files leave with the records that they list, for the same supplement of
-- the archive. Uses feeds.sql and leaving_records.sql.
--
--   archived_files  the files whose bytes left, each with its supplement
--   leaving_files   the files that a run in progress lets go
--
-- The file's row stays: name, digest, size, verdict and counts. So a file that is imported again is
-- recognized as before.

CREATE TABLE archived_files (
    file_id     bigint PRIMARY KEY REFERENCES feed_files,
    archive_id  text NOT NULL,
    number      integer NOT NULL,          -- of the supplement that has its parts
    left_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT archived_files_are_in_a_supplement
        FOREIGN KEY (archive_id, number) REFERENCES archive_supplements
);
CREATE TRIGGER archived_files_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON archived_files FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE UNLOGGED TABLE leaving_files (
    file_id  bigint PRIMARY KEY
);

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tieout.letting_go', true) = 'yes'
       AND (TG_OP = 'UPDATE'
            AND TG_TABLE_NAME IN ('operations', 'deliveries', 'feed_versions', 'archived_totals')
            OR TG_OP = 'DELETE'
            AND TG_TABLE_NAME IN ('entries', 'operations', 'rounds', 'archived_keys',
                                  'archived_records', 'feed_versions', 'feed_superseded',
                                  'feed_file_records', 'feed_file_parts',
                                  'provider_deliveries', 'deliveries')) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;

-- Whoever deletes: a part leaves if a supplement has it as it is, and it is known where the file
-- is, all of which leaves.
CREATE FUNCTION feed_file_parts_may_only_leave() RETURNS trigger LANGUAGE plpgsql
    SET TimeZone = 'UTC' AS $$
BEGIN
    IF EXISTS (SELECT FROM gone g
                WHERE NOT EXISTS (SELECT FROM archived_files a WHERE a.file_id = g.file_id)
                   OR EXISTS (SELECT FROM feed_file_parts p WHERE p.file_id = g.file_id)
                   OR NOT EXISTS (SELECT FROM feed_files f
                                   WHERE f.file_id = g.file_id
                                     AND f.received_at < rows_begin_at())
                   OR NOT EXISTS (SELECT FROM archived_row_digests d
                                   WHERE d.digest = archived_row_digest(TG_TABLE_NAME,
                                                                        row_to_json(g)))) THEN
        RAISE EXCEPTION 'append-only: DELETE on % is refused: no supplement has the row',
                        TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER feed_file_parts_may_only_leave AFTER DELETE ON feed_file_parts
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION feed_file_parts_may_only_leave();

-- Files with bytes that may leave once the records staged with them left: received before an
-- instant, and nobody has to decide about a finding of them. A record that was ever withdrawn
-- stays for ever and keeps no file.
CREATE FUNCTION files_to_leave(until timestamptz) RETURNS SETOF bigint
    LANGUAGE sql STABLE AS $$
    SELECT f.file_id FROM feed_files f
     WHERE f.received_at < until
       AND EXISTS (SELECT FROM feed_file_parts p WHERE p.file_id = f.file_id)
       AND NOT EXISTS (SELECT FROM feed_findings g
                        WHERE g.provider = f.provider AND g.feed = f.feed
                          AND g.scope = encode(f.digest, 'hex') AND g.resolved_at IS NULL)
       AND NOT EXISTS (SELECT FROM feed_file_records l
                        WHERE l.file_id = f.file_id
                          AND NOT EXISTS (SELECT FROM leaving_records r
                                           WHERE r.provider = f.provider
                                             AND r.record_id = l.record_id)
                          AND NOT EXISTS (SELECT FROM feed_withdrawals w
                                           WHERE w.provider = f.provider
                                             AND w.record_id = l.record_id))
$$;
CREATE FUNCTION stage_leaving_files(until timestamptz, OUT files bigint)
    LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE leaving_files;
    INSERT INTO leaving_files SELECT * FROM files_to_leave(until);
    GET DIAGNOSTICS files = ROW_COUNT;
END $$;

-- Lets a staged file go whose parts a supplement has. A file that lists records again, or of which
-- something was found meanwhile, stays. Whoever imports files of the provider waits.
CREATE FUNCTION let_go_of_file(
    file bigint, archive text, supplement integer, until timestamptz, OUT gone boolean)
    LANGUAGE plpgsql SET TimeZone = 'UTC' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('feed ' || f.provider, 0))
       FROM feed_files f WHERE f.file_id = file;
    DELETE FROM leaving_files WHERE file_id = file;
    gone := FOUND AND EXISTS (SELECT FROM files_to_leave(until) AS l (file_id)
                               WHERE l.file_id = file);
    IF gone THEN
        INSERT INTO archived_files (file_id, archive_id, number)
        VALUES (file, archive, supplement);
        PERFORM set_config('tieout.letting_go', 'yes', true);
        DELETE FROM feed_file_parts WHERE file_id = file;
        PERFORM set_config('tieout.letting_go', '', true);
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION stage_leaving_files(timestamptz),
    let_go_of_file(bigint, text, integer, timestamptz) FROM PUBLIC;
