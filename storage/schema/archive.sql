-- Archived months: where the bytes of callbacks and of feed records are once they left the
-- database. Uses refuse_change() of ledger.sql and keep_eyes() of people.sql.
--
--   archives          one row per exported month; its files are outside the database
--   archive_releases  requests to let the bytes of an archived month go, decided by a second
--                     person
--
-- What is let go: headers and body of callbacks, and the raw lines of feed versions. Their place
-- takes a digest of what was there. Every figure, key, position and reply stays, and with them
-- the unique indexes that guard the accept path.

CREATE TABLE archives (
    archive_id     text PRIMARY KEY,         -- 'arc-2026-06'
    month          date NOT NULL UNIQUE,     -- its first day, in UTC: batches by their commit,
                                             -- feed versions by their receipt
    location       text NOT NULL,            -- the folder above it, or the URL of one
    manifest_hash  text NOT NULL,            -- SHA-256 of its manifest, in hex
    rows           bigint NOT NULL,
    bytes          bigint NOT NULL,          -- of its files
    exported_by    text NOT NULL,
    exported_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT archives_named_after_their_month
        CHECK (archive_id = 'arc-' || to_char(month, 'YYYY-MM')
               AND extract(day FROM month) = 1),
    CONSTRAINT archives_location_not_empty CHECK (location <> ''),
    CONSTRAINT archives_hash_shape CHECK (manifest_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT archives_counts_not_negative CHECK (rows >= 0 AND bytes >= 0)
);
CREATE TRIGGER archives_never_removed BEFORE DELETE OR TRUNCATE ON archives
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Only sealed months are archived. An archive may move, and nothing else about it changes.
CREATE FUNCTION archives_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_day date := (NEW.month + interval '1 month')::date - 1;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM seals WHERE day = last_day) THEN
            RAISE EXCEPTION 'the month % is not sealed: its last day has no seal',
                            to_char(NEW.month, 'YYYY-MM')
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archives_are_sealed';
        END IF;
    ELSIF (NEW.archive_id, NEW.month, NEW.manifest_hash, NEW.rows, NEW.bytes, NEW.exported_by,
           NEW.exported_at)
          <> (OLD.archive_id, OLD.month, OLD.manifest_hash, OLD.rows, OLD.bytes,
              OLD.exported_by, OLD.exported_at) THEN
        RAISE EXCEPTION 'archive % stays as it was written', OLD.archive_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archives_stay';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER archives_follow BEFORE INSERT OR UPDATE ON archives
    FOR EACH ROW EXECUTE FUNCTION archives_must_follow();

CREATE TABLE archive_releases (
    release_id     text PRIMARY KEY,         -- 'rel-…'
    archive_id     text NOT NULL REFERENCES archives,
    reason         text NOT NULL,
    state          text NOT NULL,
    proposed_by    text NOT NULL,
    proposed_at    timestamptz NOT NULL,
    decided_by     text,
    decided_at     timestamptz,
    proposed_eyes  text[],
    decided_eyes   text[],
    let_go_at      timestamptz,              -- when the last bytes left; null: not all did yet
    CONSTRAINT archive_releases_id_shape CHECK (release_id ~ '^rel-[0-9a-f]{32}$'),
    CONSTRAINT archive_releases_reason_not_empty CHECK (reason <> ''),
    CONSTRAINT archive_releases_state_known
        CHECK (state IN ('proposed', 'approved', 'rejected')),
    CONSTRAINT archive_releases_decided_or_proposed
        CHECK ((state = 'proposed') = (decided_by IS NULL)
               AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT archive_releases_let_go_once_approved
        CHECK (let_go_at IS NULL OR state = 'approved'),
    CONSTRAINT archive_releases_four_eyes CHECK (decided_by <> proposed_by),
    CONSTRAINT archive_releases_two_people CHECK (are_two_people(proposed_eyes, decided_eyes))
);
-- A rejected request may be followed by another one; an open or approved one may not.
CREATE UNIQUE INDEX archive_releases_one_each ON archive_releases (archive_id)
    WHERE state <> 'rejected';
CREATE TRIGGER archive_releases_eyes BEFORE INSERT OR UPDATE ON archive_releases
    FOR EACH ROW EXECUTE FUNCTION keep_eyes();
CREATE TRIGGER archive_releases_never_removed BEFORE DELETE OR TRUNCATE ON archive_releases
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Proposed once, decided once, done once; and approved only while every closed day of the month
-- is signed.
CREATE FUNCTION archive_releases_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unsigned record;
BEGIN
    IF (TG_OP = 'INSERT' AND NEW.state <> 'proposed')
       OR (TG_OP = 'UPDATE' AND (
           (OLD.release_id, OLD.archive_id, OLD.reason, OLD.proposed_by, OLD.proposed_at)
           <> (NEW.release_id, NEW.archive_id, NEW.reason, NEW.proposed_by, NEW.proposed_at)
           OR (OLD.state <> 'proposed'
               AND (OLD.state, OLD.decided_by, OLD.decided_at)
                   <> (NEW.state, NEW.decided_by, NEW.decided_at))
           OR (OLD.let_go_at IS NOT NULL AND OLD.let_go_at IS DISTINCT FROM NEW.let_go_at)))
    THEN
        RAISE EXCEPTION 'request % is proposed once and decided once', NEW.release_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_releases_follow';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'proposed' AND NEW.state = 'approved' THEN
        SELECT c.provider, c.business_day INTO unsigned
          FROM archives a
          JOIN day_closes c ON c.starts_at < (a.month + interval '1 month') AT TIME ZONE 'UTC'
                           AND c.ends_at > a.month::timestamp AT TIME ZONE 'UTC'
         WHERE a.archive_id = NEW.archive_id
           AND 'signed' IS DISTINCT FROM (
               SELECT s.action FROM day_steps s
                WHERE s.provider = c.provider AND s.business_day = c.business_day
                ORDER BY s.number DESC LIMIT 1)
         ORDER BY c.business_day, c.provider LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION '% of % is not signed', unsigned.business_day, unsigned.provider
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_releases_signed';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER archive_releases_follow BEFORE INSERT OR UPDATE ON archive_releases
    FOR EACH ROW EXECUTE FUNCTION archive_releases_must_follow();

-- Letting go -----------------------------------------------------------------------------------

-- What takes the place of bytes: a zero byte, then half of their SHA-256. No request and no line
-- of a feed begins with a zero byte. storage/archive/digests.py computes the same.
CREATE FUNCTION digest_of_bytes(headers text, body bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT '\x00'::bytea
           || substring(sha256(convert_to(headers, 'UTF8') || '\x00'::bytea || body) FOR 16)
$$;

-- An UPDATE passes the guard of an append-only table only within let_go_of_…(), and then only
-- row by row, if the trigger below agrees.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME IN ('operations', 'deliveries', 'feed_versions')
       AND current_setting('tieout.letting_go', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;

CREATE FUNCTION is_released(at timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM archives a JOIN archive_releases r USING (archive_id)
                    WHERE r.state = 'approved'
                      AND a.month = date_trunc('month', at AT TIME ZONE 'UTC')::date)
$$;

-- Whoever updates: bytes of a released month may give way to their digest, and nothing else.
CREATE FUNCTION bytes_may_only_go() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    expected record := OLD;
BEGIN
    expected.headers := '';
    expected.body := digest_of_bytes(OLD.headers, OLD.body);
    IF expected IS DISTINCT FROM NEW
       OR NOT is_released((SELECT committed_at FROM batches WHERE batch_id = OLD.batch_id)) THEN
        RAISE EXCEPTION 'append-only: UPDATE on % is refused', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER operations_bytes_may_only_go BEFORE UPDATE ON operations
    FOR EACH ROW EXECUTE FUNCTION bytes_may_only_go();
CREATE TRIGGER deliveries_bytes_may_only_go BEFORE UPDATE OF headers, body ON deliveries
    FOR EACH ROW EXECUTE FUNCTION bytes_may_only_go();

CREATE FUNCTION lines_may_only_go() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    expected record := OLD;
BEGIN
    expected.raw := digest_of_bytes('', OLD.raw);
    IF expected IS DISTINCT FROM NEW OR NOT is_released(OLD.received_at) THEN
        RAISE EXCEPTION 'append-only: UPDATE on % is refused', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER feed_versions_lines_may_only_go BEFORE UPDATE ON feed_versions
    FOR EACH ROW EXECUTE FUNCTION lines_may_only_go();

-- Each takes rows as the archive has them, with the digests of the archived bytes. It returns
-- how many of them are let go now, and how many kept theirs before or keep them by rule: our own
-- operations, and what waits to be ingested. A row whose bytes differ stays and is not counted.
CREATE FUNCTION let_go_of_operations(
    wallets bigint[], positions bigint[], digests bytea[], OUT gone bigint, OUT settled bigint)
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    WITH archived AS (
        SELECT q.digest, o.wallet_id, o.wallet_seq,
               o.provider = 'tieout' OR o.kind = 'adjustment' AS stays, o.body = q.digest AS went
          FROM unnest(wallets, positions, digests) AS q (wallet_id, wallet_seq, digest)
          JOIN operations o USING (wallet_id, wallet_seq)
    ), updated AS (
        UPDATE operations o SET headers = '', body = a.digest
          FROM archived a
         WHERE o.wallet_id = a.wallet_id AND o.wallet_seq = a.wallet_seq
           AND NOT a.stays AND NOT a.went
           AND digest_of_bytes(o.headers, o.body) = a.digest
        RETURNING 1)
    SELECT (SELECT count(*) FROM updated),
           (SELECT count(*) FROM archived WHERE stays OR went)
      INTO gone, settled;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;
CREATE FUNCTION let_go_of_deliveries(
    ids bigint[], digests bytea[], OUT gone bigint, OUT settled bigint)
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    WITH archived AS (
        SELECT q.digest, d.delivery_id,
               d.verdict IN ('recorded', 'malformed') AND d.ingested_at IS NULL AS stays,
               d.body = q.digest AS went
          FROM unnest(ids, digests) AS q (delivery_id, digest)
          JOIN deliveries d USING (delivery_id)
    ), updated AS (
        UPDATE deliveries d SET headers = '', body = a.digest
          FROM archived a
         WHERE d.delivery_id = a.delivery_id AND NOT a.stays AND NOT a.went
           AND digest_of_bytes(d.headers, d.body) = a.digest
        RETURNING 1)
    SELECT (SELECT count(*) FROM updated),
           (SELECT count(*) FROM archived WHERE stays OR went)
      INTO gone, settled;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;
CREATE FUNCTION let_go_of_versions(
    ids bigint[], digests bytea[], OUT gone bigint, OUT settled bigint)
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    WITH archived AS (
        SELECT q.digest, v.version_id, v.raw = q.digest AS went
          FROM unnest(ids, digests) AS q (version_id, digest)
          JOIN feed_versions v USING (version_id)
    ), updated AS (
        UPDATE feed_versions v SET raw = a.digest
          FROM archived a
         WHERE v.version_id = a.version_id AND NOT a.went
           AND digest_of_bytes('', v.raw) = a.digest
        RETURNING 1)
    SELECT (SELECT count(*) FROM updated), (SELECT count(*) FROM archived WHERE went)
      INTO gone, settled;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;
REVOKE EXECUTE ON FUNCTION let_go_of_operations(bigint[], bigint[], bytea[]),
    let_go_of_deliveries(bigint[], bytea[]), let_go_of_versions(bigint[], bytea[]) FROM PUBLIC;
