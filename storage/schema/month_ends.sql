-- Month ends: where every wallet stood at the end of the newest month up to which everything was
-- let go. Whoever walks the chains of wallets may begin there. Uses archive.sql and
-- archived_entries.sql.
--
--   month_ends         one row per month end, with the digest of its wallets, seal and archive
--   month_end_wallets  one row per wallet, as of the newest month end

CREATE TABLE month_end_wallets (
    wallet_id   bigint PRIMARY KEY,
    wallet_seq  bigint NOT NULL,         -- of its last operation before the month end
    balance     bigint NOT NULL,         -- after it
    turnover    bigint NOT NULL,         -- accepted stakes up to it
    blocked     boolean NOT NULL,        -- by the last block or unblock up to it
    CONSTRAINT month_end_wallets_seq_positive CHECK (wallet_seq > 0)
);

CREATE TABLE month_ends (
    month          date PRIMARY KEY REFERENCES archives (month),
    at             timestamptz NOT NULL,  -- the first instant after the month, in UTC
    wallets        bigint NOT NULL,
    digest         bytea NOT NULL,        -- of all wallets: month_end_digest()
    seal           text NOT NULL,         -- of the last day of the month
    manifest_hash  text NOT NULL,         -- of the month's archive
    taken_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT month_ends_follow_their_month
        CHECK (at = (month + interval '1 month') AT TIME ZONE 'UTC')
);

-- Hashes of 10 000 wallets each, hashed again, so that no value becomes too long.
CREATE FUNCTION month_end_digest() RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(coalesce(string_agg(part, ''::bytea ORDER BY span), ''::bytea))
      FROM (SELECT wallet_id / 10000 AS span,
                   sha256(string_agg(int8send(wallet_id) || int8send(wallet_seq)
                                     || int8send(balance) || int8send(turnover)
                                     || boolsend(blocked), ''::bytea ORDER BY wallet_id)) AS part
              FROM month_end_wallets GROUP BY wallet_id / 10000) p
$$;

-- Rows are written within take_month_end() only, forwards only, and as an operation has them.
CREATE FUNCTION month_end_wallets_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tieout.taking_month_end', true) IS DISTINCT FROM 'yes'
       OR (TG_OP = 'UPDATE' AND (NEW.wallet_id <> OLD.wallet_id
                                 OR NEW.wallet_seq <= OLD.wallet_seq)) THEN
        RAISE EXCEPTION 'append-only: % on month_end_wallets is refused', TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'month_end_wallets_follow';
    END IF;
    IF NOT EXISTS (
        SELECT FROM operations o JOIN batches b USING (batch_id)
         WHERE o.wallet_id = NEW.wallet_id AND o.wallet_seq = NEW.wallet_seq
           AND o.balance_after = NEW.balance AND b.entries_at IS NOT NULL) THEN
        RAISE EXCEPTION 'append-only: % has not the balance % that its chain adds up to',
                        transaction_name(NEW.wallet_id, NEW.wallet_seq), NEW.balance
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'month_end_wallets_follow';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER month_end_wallets_follow BEFORE INSERT OR UPDATE ON month_end_wallets
    FOR EACH ROW EXECUTE FUNCTION month_end_wallets_must_follow();
CREATE TRIGGER month_end_wallets_never_removed BEFORE DELETE OR TRUNCATE ON month_end_wallets
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION month_ends_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_released(NEW.month::timestamp AT TIME ZONE 'UTC')
       OR NEW.month <= (SELECT max(month) FROM month_ends)
       OR (NEW.digest, NEW.wallets)
          IS DISTINCT FROM (month_end_digest(), (SELECT count(*) FROM month_end_wallets))
       OR NEW.manifest_hash IS DISTINCT FROM (
           SELECT a.manifest_hash FROM archives a WHERE a.month = NEW.month)
       OR NEW.seal IS DISTINCT FROM (
           SELECT s.hash FROM seals s
            WHERE s.day = (NEW.month + interval '1 month')::date - 1) THEN
        RAISE EXCEPTION 'append-only: INSERT on month_ends is refused'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'month_ends_follow';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER month_ends_follow BEFORE INSERT ON month_ends
    FOR EACH ROW EXECUTE FUNCTION month_ends_must_follow();
CREATE TRIGGER month_ends_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON month_ends
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Moves to the end of the newest released month before which no batch kept its entries; null, if
-- that is taken already. A wallet's new position is the old one plus the number of its operations
-- since, and its balance the old one plus what they moved: an operation has to have both, and the
-- next one must come after the month. So a gap in a chain, a wrong balance and a batch that is
-- dated wrongly refuse it.
CREATE FUNCTION take_month_end(OUT ended date) LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz;
    until timestamptz;
    kept timestamptz;
    wrong text;
BEGIN
    LOCK TABLE month_ends IN SHARE ROW EXCLUSIVE MODE;
    since := coalesce((SELECT max(at) FROM month_ends), '-infinity');
    kept := (SELECT min(committed_at) FROM batches
              WHERE committed_at >= since AND entries_at IS NULL);
    SELECT a.month, (a.month + interval '1 month') AT TIME ZONE 'UTC' INTO ended, until
      FROM archives a JOIN archive_releases r USING (archive_id)
     WHERE r.state = 'approved'
       AND a.month::timestamp AT TIME ZONE 'UTC' >= since
       AND (kept IS NULL OR (a.month + interval '1 month') AT TIME ZONE 'UTC' <= kept)
     ORDER BY a.month DESC LIMIT 1;
    IF ended IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('tieout.taking_month_end', 'yes', true);
    WITH moved AS (
        SELECT o.wallet_id, count(*) AS operations, sum(o.amount) AS amount,
               coalesce(sum(o.stake) FILTER (WHERE o.decision = 'accepted'), 0) AS stake,
               (array_agg(o.kind = 'block' ORDER BY o.wallet_seq DESC)
                  FILTER (WHERE o.kind IN ('block', 'unblock') AND o.decision = 'accepted'))[1]
                 AS blocked
          FROM batches b JOIN operations o USING (batch_id)
         WHERE b.committed_at >= since AND b.committed_at < until
         GROUP BY o.wallet_id
    ), written AS (
        INSERT INTO month_end_wallets AS w (wallet_id, wallet_seq, balance, turnover, blocked)
        SELECT m.wallet_id, coalesce(p.wallet_seq, 0) + m.operations,
               coalesce(p.balance, 0) + m.amount, coalesce(p.turnover, 0) + m.stake,
               coalesce(m.blocked, p.blocked, false)
          FROM moved m LEFT JOIN month_end_wallets p USING (wallet_id)
        ON CONFLICT ON CONSTRAINT month_end_wallets_pkey DO UPDATE
           SET wallet_seq = EXCLUDED.wallet_seq, balance = EXCLUDED.balance,
               turnover = EXCLUDED.turnover, blocked = EXCLUDED.blocked
        RETURNING w.wallet_id, w.wallet_seq
    )
    SELECT transaction_name(w.wallet_id, w.wallet_seq) INTO wrong
      FROM written w
      JOIN operations o USING (wallet_id, wallet_seq)
      JOIN batches b ON b.batch_id = o.batch_id
      LEFT JOIN operations n ON n.wallet_id = w.wallet_id AND n.wallet_seq = w.wallet_seq + 1
      LEFT JOIN batches nb ON nb.batch_id = n.batch_id
     WHERE b.committed_at >= until OR nb.committed_at < until
     ORDER BY w.wallet_id LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'append-only: % is not the last of its wallet before %', wrong, until
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'month_end_wallets_follow';
    END IF;
    INSERT INTO month_ends (month, at, wallets, digest, seal, manifest_hash)
    SELECT ended, until, (SELECT count(*) FROM month_end_wallets), month_end_digest(), s.hash,
           a.manifest_hash
      FROM archives a JOIN seals s ON s.day = (ended + interval '1 month')::date - 1
     WHERE a.month = ended;
    PERFORM set_config('tieout.taking_month_end', '', true);
END $$;
REVOKE EXECUTE ON FUNCTION take_month_end() FROM PUBLIC;
