-- Entries of archived months: they follow from their operations, so their rows leave the database.
-- Uses archive.sql, whose functions it widens.
--
--   entries_by_rule    the entries that the posting rules give for the operations of a batch
--   archived_entries   of those, the entries whose rows left
--   booked_entries     every entry, whether its row is there or left
--   archived_totals    what the rows that left summed to, by month and account
--
-- Two facts of an entry do not follow from its operation: what a sweep moved with it, and the
-- instant of posting. The operation and the batch keep them. A row leaves only if the rules give
-- it again, column by column.

ALTER TABLE operations ADD COLUMN swept bigint;          -- of its sweep; null: none, or not archived
ALTER TABLE batches ADD COLUMN entries_at timestamptz;   -- posted_at of its entries, once they left

-- The rules of ledger/posting/rules.py as they are now. Where it ever gives others, rows stay.
CREATE VIEW entries_by_rule AS
SELECT o.batch_id, b.entries_at, o.wallet_id, o.wallet_seq, l.leg, l.account, o.provider,
       o.match_key, o.currency, l.amount
  FROM batches b JOIN operations o USING (batch_id)
 CROSS JOIN LATERAL (VALUES
    (1::smallint, 'player_wallet'::account_kind, -o.stake),
    (2::smallint,
     CASE WHEN o.fund <> 'cash'
          THEN CASE o.fund WHEN 'free_round' THEN 'bonus' WHEN 'bonus' THEN 'bonus'
                           WHEN 'jackpot' THEN 'jackpot' WHEN 'promo' THEN 'promo'
                           WHEN 'difference' THEN 'difference' WHEN 'suspense' THEN 'suspense' END
          WHEN o.kind = 'adjustment' OR o.ends_round THEN 'ggr'
          ELSE 'provider_clearing' END::account_kind, o.stake),
    (3::smallint, 'player_wallet'::account_kind, o.payout),
    (4::smallint,
     CASE WHEN o.fund <> 'cash'
          THEN CASE o.fund WHEN 'free_round' THEN 'bonus' WHEN 'bonus' THEN 'bonus'
                           WHEN 'jackpot' THEN 'jackpot' WHEN 'promo' THEN 'promo'
                           WHEN 'difference' THEN 'difference' WHEN 'suspense' THEN 'suspense' END
          WHEN o.kind = 'adjustment' OR o.ends_round THEN 'ggr'
          ELSE 'provider_clearing' END::account_kind, -o.payout),
    (5::smallint, 'provider_clearing'::account_kind, -o.swept),
    (6::smallint, 'ggr'::account_kind, o.swept),
    (7::smallint, 'player_wallet'::account_kind, o.amount - o.payout + o.stake),
    (8::smallint,
     CASE WHEN o.fund <> 'cash'
          THEN CASE o.fund WHEN 'free_round' THEN 'bonus' WHEN 'bonus' THEN 'bonus'
                           WHEN 'jackpot' THEN 'jackpot' WHEN 'promo' THEN 'promo'
                           WHEN 'difference' THEN 'difference' WHEN 'suspense' THEN 'suspense' END
          WHEN o.kind = 'adjustment' THEN 'adjustment'
          ELSE 'funding' END::account_kind, -(o.amount - o.payout + o.stake)),
    (9::smallint, 'player_wallet'::account_kind,
     -(least(o.balance_after, 0) - least(o.balance_after - o.amount, 0))),
    (10::smallint, 'player_receivable'::account_kind,
     least(o.balance_after, 0) - least(o.balance_after - o.amount, 0)))
    AS l (leg, account, amount)
 WHERE o.decision = 'accepted' AND l.amount <> 0;

-- Double entry written down when the rows left: verify compares it with what the rules give.
CREATE TABLE archived_totals (
    month     date NOT NULL,             -- its first day
    account   account_kind NOT NULL,
    provider  text NOT NULL,
    currency  text NOT NULL,
    amount    bigint NOT NULL,
    entries   bigint NOT NULL,           -- rows
    CONSTRAINT archived_totals_pkey PRIMARY KEY (month, account, provider, currency),
    CONSTRAINT archived_totals_have_entries CHECK (entries > 0)
);

CREATE VIEW archived_entries AS
SELECT batch_id, wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount,
       entries_at AS posted_at
  FROM entries_by_rule WHERE entries_at IS NOT NULL;

-- Asks first whether anything left at all: books of which nothing did read no operation for it,
-- whatever their statistics say.
CREATE VIEW booked_entries AS
SELECT wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount, posted_at
  FROM entries
 UNION ALL
SELECT wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount, posted_at
  FROM archived_entries
 WHERE (SELECT EXISTS (SELECT FROM archived_totals));

CREATE TRIGGER archived_totals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON archived_totals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION archived_totals_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: UPDATE on archived_totals is refused'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archived_totals_append_only';
END $$;
CREATE TRIGGER archived_totals_only_grow BEFORE UPDATE ON archived_totals FOR EACH ROW
    WHEN ((OLD.month, OLD.account, OLD.provider, OLD.currency)
          <> (NEW.month, NEW.account, NEW.provider, NEW.currency) OR NEW.entries <= OLD.entries)
    EXECUTE FUNCTION archived_totals_only_grow();

-- The exceptions from append-only are within let_go_of_…() only; triggers look at each row.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tieout.letting_go', true) = 'yes'
       AND (TG_OP = 'UPDATE'
            AND TG_TABLE_NAME IN ('operations', 'deliveries', 'feed_versions', 'archived_totals')
            OR TG_OP = 'DELETE' AND TG_TABLE_NAME = 'entries') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;

-- Whoever updates: an operation of a released month may lose its bytes to their digest and note
-- what its sweep moved, and nothing else.
CREATE FUNCTION operations_may_only_shrink() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    expected record := OLD;
BEGIN
    IF NEW.body IS DISTINCT FROM OLD.body THEN
        expected.headers := '';
        expected.body := digest_of_bytes(OLD.headers, OLD.body);
    END IF;
    IF OLD.swept IS NULL AND NEW.swept IS NOT NULL THEN
        expected.swept := (SELECT amount FROM entries
                            WHERE wallet_id = OLD.wallet_id AND wallet_seq = OLD.wallet_seq
                              AND leg = 6);
    END IF;
    IF expected IS DISTINCT FROM NEW OR NEW IS NOT DISTINCT FROM OLD
       OR NOT is_released((SELECT committed_at FROM batches WHERE batch_id = OLD.batch_id)) THEN
        RAISE EXCEPTION 'append-only: UPDATE on % is refused', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER operations_bytes_may_only_go ON operations;
CREATE TRIGGER operations_may_only_shrink BEFORE UPDATE ON operations
    FOR EACH ROW EXECUTE FUNCTION operations_may_only_shrink();

-- Set once, within let_go_of_entries(), in a released month.
CREATE FUNCTION batches_entries_leave_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.entries_at IS DISTINCT FROM OLD.entries_at
       AND (OLD.entries_at IS NOT NULL OR OLD.posted_at IS NULL
            OR current_setting('tieout.letting_go', true) IS DISTINCT FROM 'yes'
            OR NOT is_released(OLD.committed_at)) THEN
        RAISE EXCEPTION 'append-only: UPDATE of entries_at on batches is refused'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'batches_entries_leave_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER batches_entries_leave_once BEFORE UPDATE OF entries_at ON batches
    FOR EACH ROW EXECUTE FUNCTION batches_entries_leave_once();

-- Whoever deletes: a row may go if the rules give it again, and its month is released.
CREATE FUNCTION entries_may_only_leave() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM archived_entries a
         WHERE a.wallet_id = OLD.wallet_id AND a.wallet_seq = OLD.wallet_seq AND a.leg = OLD.leg
           AND (a.account, a.provider, a.match_key, a.currency, a.amount, a.posted_at)
               = (OLD.account, OLD.provider, OLD.match_key, OLD.currency, OLD.amount,
                  OLD.posted_at))
       OR NOT is_released((SELECT b.committed_at FROM operations o JOIN batches b USING (batch_id)
                            WHERE o.wallet_id = OLD.wallet_id
                              AND o.wallet_seq = OLD.wallet_seq)) THEN
        RAISE EXCEPTION 'append-only: DELETE on % is refused', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER entries_may_only_leave BEFORE DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION entries_may_only_leave();

-- As before, and the operation notes its sweep in the same row version.
CREATE OR REPLACE FUNCTION let_go_of_operations(
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
        UPDATE operations o
           SET headers = '', body = a.digest,
               swept = coalesce(o.swept, (SELECT e.amount FROM entries e
                                           WHERE e.wallet_id = o.wallet_id
                                             AND e.wallet_seq = o.wallet_seq AND e.leg = 6))
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

-- Takes batches whose entries are still there. Returns how many rows left, and the batches that
-- keep theirs, because the rules do not give the same rows or they were posted at two instants.
CREATE FUNCTION let_go_of_entries(ids bigint[], OUT gone bigint, OUT kept bigint[])
    LANGUAGE plpgsql AS $$
DECLARE
    leaving bigint[];
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    UPDATE operations o SET swept = e.amount
      FROM entries e
     WHERE o.batch_id = ANY(ids) AND o.swept IS NULL
       AND e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq AND e.leg = 6;
    WITH posted AS (
        SELECT o.batch_id, e.*
          FROM operations o JOIN entries e USING (wallet_id, wallet_seq)
         WHERE o.batch_id = ANY(ids)
    )
    SELECT coalesce(array_agg(DISTINCT batch_id), '{}') INTO kept FROM (
        SELECT coalesce(p.batch_id, r.batch_id) AS batch_id
          FROM posted p
          FULL JOIN (SELECT * FROM entries_by_rule WHERE batch_id = ANY(ids)) r
            ON r.wallet_id = p.wallet_id AND r.wallet_seq = p.wallet_seq AND r.leg = p.leg
         WHERE (p.account, p.provider, p.match_key, p.currency, p.amount)
               IS DISTINCT FROM (r.account, r.provider, r.match_key, r.currency, r.amount)
         UNION ALL
        SELECT batch_id FROM posted GROUP BY batch_id HAVING min(posted_at) <> max(posted_at)) d;
    leaving := ARRAY(SELECT unnest(ids) EXCEPT SELECT unnest(kept));
    UPDATE batches b
       SET entries_at = coalesce((SELECT min(e.posted_at)
                                    FROM operations o JOIN entries e USING (wallet_id, wallet_seq)
                                   WHERE o.batch_id = b.batch_id), b.posted_at)
     WHERE b.batch_id = ANY(leaving);
    WITH deleted AS (
        DELETE FROM entries e USING operations o
         WHERE o.batch_id = ANY(leaving)
           AND e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq
        RETURNING o.batch_id, e.account, e.provider, e.currency, e.amount
    ), summed AS (
        INSERT INTO archived_totals AS t (month, account, provider, currency, amount, entries)
        SELECT date_trunc('month', b.committed_at AT TIME ZONE 'UTC')::date, d.account,
               d.provider, d.currency, sum(d.amount), count(*)
          FROM deleted d JOIN batches b USING (batch_id)
         GROUP BY 1, 2, 3, 4
        ON CONFLICT ON CONSTRAINT archived_totals_pkey DO UPDATE
           SET amount = t.amount + EXCLUDED.amount, entries = t.entries + EXCLUDED.entries)
    SELECT count(*) INTO gone FROM deleted;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;
REVOKE EXECUTE ON FUNCTION let_go_of_entries(bigint[]) FROM PUBLIC;
