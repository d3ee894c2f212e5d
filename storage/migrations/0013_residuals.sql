-- What a tolerance let pass, in the books. Each residual of a round stands on the account
-- `difference`, moved there from GGR by the run that found it; what changes is moved by a
-- further transaction that names the one it corrects.
--
-- Values added to a type by an earlier migration may be as young as this transaction's, so
-- accounts are compared as text.

CREATE TABLE residuals (
    residual_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id       text NOT NULL REFERENCES runs,
    provider     text NOT NULL,
    round_id     text NOT NULL,
    seat         text NOT NULL DEFAULT '',   -- the player, where several share the round
    match_key    bigint NOT NULL,
    currency     text NOT NULL,
    sequence     integer NOT NULL,           -- 1, 2, 3 … within the round and currency
    before       bigint NOT NULL,            -- what stood booked, minor units, to the player
    after        bigint NOT NULL,            -- what stands from now on: what the run found
    corrects     bigint REFERENCES residuals,
    booked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Two runs that both saw the same books cannot both book.
    CONSTRAINT residuals_once UNIQUE (provider, round_id, seat, currency, sequence),
    CONSTRAINT residuals_corrected_once UNIQUE (corrects),
    CONSTRAINT residuals_move_something CHECK (before <> after),
    CONSTRAINT residuals_begin_at_nothing
        CHECK (sequence > 0 AND (sequence = 1) = (corrects IS NULL)
               AND (sequence > 1 OR before = 0))
);
CREATE INDEX residuals_by_round ON residuals (provider, match_key);
CREATE INDEX residuals_by_run ON residuals (run_id);
CREATE INDEX residuals_by_time ON residuals USING brin (booked_at);

CREATE TABLE residual_entries (
    residual_id  bigint NOT NULL REFERENCES residuals,
    leg          smallint NOT NULL,
    account      account_kind NOT NULL,
    provider     text NOT NULL,
    match_key    bigint NOT NULL,
    currency     text NOT NULL,
    amount       bigint NOT NULL,            -- positive: into the account
    CONSTRAINT residual_entries_pkey PRIMARY KEY (residual_id, leg),
    CONSTRAINT residual_entries_amount_not_zero CHECK (amount <> 0),
    CONSTRAINT residual_entries_of_the_house
        CHECK ((leg, account::text) IN ((1, 'ggr'), (2, 'difference')))
);

CREATE TRIGGER residuals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON residuals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER residual_entries_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON residual_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A transaction begins where the one it corrects ended, and is written with both of its legs in
-- one statement.
CREATE FUNCTION residuals_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong bigint;
BEGIN
    SELECT w.residual_id INTO wrong
      FROM written w LEFT JOIN residuals p ON p.residual_id = w.corrects
     WHERE w.sequence > 1
       AND (p.provider, p.round_id, p.seat, p.match_key, p.currency, p.sequence, p.after)
           IS DISTINCT FROM
           (w.provider, w.round_id, w.seat, w.match_key, w.currency, w.sequence - 1, w.before)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'residual % does not follow the one it corrects', wrong
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'residuals_follow';
    END IF;
    SELECT w.residual_id INTO wrong FROM written w
     WHERE (SELECT count(*) FROM residual_entries e WHERE e.residual_id = w.residual_id) <> 2
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'residual % is written without its entries', wrong
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'residuals_have_entries';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER residuals_follow AFTER INSERT ON residuals
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION residuals_must_follow();

-- The second witness of the legs, as for all entries: they sum to zero within the statement; and
-- they are what their transaction says.
CREATE FUNCTION residual_entries_must_sum_to_zero() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unbalanced record;
BEGIN
    SELECT residual_id, currency, sum(amount) AS total INTO unbalanced
      FROM written GROUP BY residual_id, currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entries of residual % do not sum to zero: % %',
            unbalanced.residual_id, unbalanced.total, unbalanced.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'residual_entries_sum_to_zero';
    END IF;
    SELECT w.residual_id INTO unbalanced
      FROM written w JOIN residuals r USING (residual_id)
     WHERE (w.provider, w.match_key, w.currency, w.amount)
           <> (r.provider, r.match_key, r.currency,
               CASE w.leg WHEN 1 THEN r.before - r.after ELSE r.after - r.before END)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entries of residual % are not what it moves', unbalanced.residual_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'residual_entries_fit';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER residual_entries_sum_to_zero AFTER INSERT ON residual_entries
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION residual_entries_must_sum_to_zero();

-- A day holds what was booked on it; days sealed before hold none.
ALTER TABLE seals
    ADD COLUMN residuals        bigint NOT NULL DEFAULT 0,
    ADD COLUMN residual_entries bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT seals_residuals_not_negative
        CHECK (residuals >= 0 AND residual_entries >= 0);
