-- Sealed days: a hash over everything that was committed on one, chained to the day before.

CREATE TABLE seals (
    day         date PRIMARY KEY,            -- in UTC, by the instant a batch was committed
    previous    text NOT NULL,               -- hash of the day before; zeros for the first
    hash        text NOT NULL,               -- SHA-256 of the day's canonical lines, in hex
    batches     bigint NOT NULL,
    operations  bigint NOT NULL,
    entries     bigint NOT NULL,
    deliveries  bigint NOT NULL,
    layout      jsonb NOT NULL,              -- columns by table as they were hashed
    sealed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT seals_follow_one_each UNIQUE (previous),
    CONSTRAINT seals_hash_shape CHECK (hash ~ '^[0-9a-f]{64}$' AND previous ~ '^[0-9a-f]{64}$'),
    CONSTRAINT seals_counts_not_negative
        CHECK (batches >= 0 AND operations >= 0 AND entries >= 0 AND deliveries >= 0)
);
CREATE TRIGGER seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- No day is left out and none is sealed before its time.
CREATE FUNCTION seals_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    SELECT day, hash INTO last FROM seals ORDER BY day DESC LIMIT 1;
    IF (FOUND AND (NEW.day <> last.day + 1 OR NEW.previous <> last.hash))
       OR (NOT FOUND AND NEW.previous <> repeat('0', 64)) THEN
        RAISE EXCEPTION 'the seal of % does not follow the one before it', NEW.day
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'seals_follow';
    END IF;
    IF (NEW.day + 1)::timestamp AT TIME ZONE 'UTC' > clock_timestamp() THEN
        RAISE EXCEPTION 'the day % is not over', NEW.day
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'seals_day_is_over';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER seals_follow BEFORE INSERT ON seals
    FOR EACH ROW EXECUTE FUNCTION seals_must_follow();

-- A day's batches, and the deliveries of a range of batches: both are written in that order.
CREATE INDEX batches_by_time ON batches USING brin (committed_at);
CREATE INDEX deliveries_by_batch ON deliveries USING brin (batch_id);
