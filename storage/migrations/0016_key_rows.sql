-- What a comparison asks of every row, packed into one column when the row is written, so that
-- a run reads one value a row instead of five, and joins nothing:
--
--   match_key, stake, payout, name   8 bytes each, big-endian
--   currency                         8 bytes, filled with blanks
--   odd                              1 byte: 1 where the row contradicts itself
--
-- The name is what the row itself calls its player: the wallet, or a hash of the handle. What a
-- rolled back record told counts as nothing.
--
-- A column is found by walking over those before it. Both tables are therefore laid out anew: what
-- a run looks at stands first, then fixed widths, then the rest. Every row is written once more;
-- nothing else may write meanwhile.

ALTER TABLE rounds RENAME TO rounds_before;
ALTER TABLE rounds_before RENAME CONSTRAINT rounds_pkey TO rounds_before_pkey;
ALTER INDEX rounds_by_time RENAME TO rounds_before_by_time;

CREATE TABLE rounds (
    first_at         timestamptz NOT NULL,   -- received_at of the first and last operation
    provider         text NOT NULL,
    key_row          bytea NOT NULL GENERATED ALWAYS AS (
        int8send(match_key) || int8send(stake) || int8send(payout) || int8send(wallet_id)
        || decode(rpad(currency, 8), 'escape')
        || CASE WHEN declared_stake <> stake OR declared_payout <> payout
                THEN '\x01'::bytea ELSE '\x00'::bytea END
    ) STORED,
    match_key        bigint NOT NULL,
    wallet_id        bigint NOT NULL,
    stake            bigint NOT NULL,
    payout           bigint NOT NULL,
    swept            bigint NOT NULL DEFAULT 0,  -- clearing already moved to GGR
    last_at          timestamptz NOT NULL,
    bets             integer NOT NULL,
    wins             integer NOT NULL,
    rollbacks        integer NOT NULL,
    -- The status follows from the figures, so it cannot contradict them.
    status           round_status NOT NULL GENERATED ALWAYS AS (
        CASE WHEN rollbacks > 0 AND stake = 0 AND payout = 0 THEN 'rolled_back'::round_status
             WHEN NOT ended THEN 'open'::round_status
             WHEN bets = 0 AND wins = 0 AND stake = 0 AND payout = 0 THEN 'void'::round_status
             ELSE 'settled'::round_status END
    ) STORED,
    ended            boolean NOT NULL,
    currency         text NOT NULL,
    round_id         text NOT NULL,
    declared_stake   bigint,
    declared_payout  bigint,
    CONSTRAINT rounds_counts_not_negative CHECK (bets >= 0 AND wins >= 0 AND rollbacks >= 0),
    CONSTRAINT rounds_currency_fits CHECK (octet_length(currency) <= 8)
) WITH (fillfactor = 80);

INSERT INTO rounds (match_key, wallet_id, stake, payout, swept, first_at, last_at, bets, wins,
                    rollbacks, ended, provider, currency, round_id, declared_stake,
                    declared_payout)
SELECT match_key, wallet_id, stake, payout, swept, first_at, last_at, bets, wins, rollbacks,
       ended, provider, currency, round_id, declared_stake, declared_payout
  FROM rounds_before;
DROP TABLE rounds_before;

ALTER TABLE rounds ADD CONSTRAINT rounds_pkey
    PRIMARY KEY (match_key, provider, round_id, wallet_id);
CREATE INDEX rounds_by_time ON rounds USING brin (first_at);
CREATE TRIGGER rounds_only_grow BEFORE UPDATE ON rounds FOR EACH ROW
    WHEN ((OLD.ended AND NOT NEW.ended)
          OR NEW.bets < OLD.bets OR NEW.wins < OLD.wins OR NEW.rollbacks < OLD.rollbacks
          OR NEW.first_at > OLD.first_at OR NEW.last_at < OLD.last_at
          OR NEW.currency <> OLD.currency OR NEW.wallet_id <> OLD.wallet_id
          OR NEW.round_id <> OLD.round_id OR NEW.provider <> OLD.provider
          OR NEW.match_key <> OLD.match_key)
    EXECUTE FUNCTION refuse_round_change();
CREATE TRIGGER rounds_never_removed BEFORE DELETE OR TRUNCATE ON rounds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ANALYZE rounds;

ALTER TABLE feed_records RENAME TO feed_records_before;
ALTER TABLE feed_records_before RENAME CONSTRAINT feed_records_pkey TO feed_records_before_pkey;
ALTER INDEX feed_records_by_round RENAME TO feed_records_before_by_round;
ALTER INDEX feed_records_continuing RENAME TO feed_records_before_continuing;
ALTER INDEX feed_records_by_time RENAME TO feed_records_before_by_time;
ALTER INDEX feed_records_by_order RENAME TO feed_records_before_by_order;
ALTER INDEX feed_records_by_update RENAME TO feed_records_before_by_update;

CREATE TABLE feed_records (
    created_at      timestamptz NOT NULL,
    provider        text NOT NULL,
    key_row         bytea NOT NULL GENERATED ALWAYS AS (
        int8send(match_key)
        || int8send(CASE WHEN rolled_back THEN 0 ELSE stake END)
        || int8send(CASE WHEN rolled_back THEN 0 ELSE payout END)
        || int8send(hashtextextended(handle, 0))
        || decode(rpad(currency, 8), 'escape')
        || CASE WHEN continues
                  OR declared_net <> payout - stake
                  OR (NOT rolled_back AND balance_after <> balance_before - stake + payout)
                THEN '\x01'::bytea ELSE '\x00'::bytea END
    ) STORED,
    match_key       bigint NOT NULL,
    stake           bigint NOT NULL,
    payout          bigint NOT NULL,
    stored_no       bigint NOT NULL DEFAULT nextval('feed_order'),
    updated_at      timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    occurrence      integer NOT NULL DEFAULT 1,  -- 2 when one statement names the id twice, ...
    rolled_back     boolean NOT NULL,
    continues       boolean NOT NULL DEFAULT false,  -- its round had another record before it
    currency        text NOT NULL,
    record_id       text NOT NULL,
    round_id        text NOT NULL,
    handle          text NOT NULL,
    source          text NOT NULL,           -- 'push' or the name of the imported file
    declared_net    bigint,
    balance_before  bigint,
    balance_after   bigint,
    game            text,
    CONSTRAINT feed_records_occurrence_positive CHECK (occurrence > 0),
    CONSTRAINT feed_records_currency_fits CHECK (octet_length(currency) <= 8)
);

INSERT INTO feed_records (match_key, stake, payout, stored_no, created_at, updated_at,
                          received_at, occurrence, rolled_back, continues, provider, currency,
                          record_id, round_id, handle, source, declared_net, balance_before,
                          balance_after, game)
SELECT match_key, stake, payout, stored_no, created_at, updated_at, received_at, occurrence,
       rolled_back, continues, provider, currency, record_id, round_id, handle, source,
       declared_net, balance_before, balance_after, game
  FROM feed_records_before;
DROP TABLE feed_records_before;

ALTER TABLE feed_records ADD CONSTRAINT feed_records_pkey
    PRIMARY KEY (provider, record_id, occurrence);
CREATE INDEX feed_records_by_round ON feed_records (match_key);
CREATE INDEX feed_records_continuing ON feed_records (provider, match_key) WHERE continues;
-- Time windows are read in bulk and rows arrive in time order: a block range index suffices.
CREATE INDEX feed_records_by_time ON feed_records USING brin (created_at);
CREATE INDEX feed_records_by_order ON feed_records USING brin (stored_no);
CREATE INDEX feed_records_by_update ON feed_records USING brin (updated_at);
CREATE TRIGGER feed_records_keep_superseded AFTER UPDATE ON feed_records
    REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION keep_superseded_feed_record();
ANALYZE feed_records;

-- Players of a window's records are looked up by the hash that the records carry.
CREATE INDEX handles_by_hash ON handles (provider, hashtextextended(handle, 0));
