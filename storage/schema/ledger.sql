-- The ledger: our side of every bet, win and correction. Runs first: later files use its types
-- and its function refuse_change().
--
--   players, handles   who plays, and what each provider calls them
--   wallets            the balance that decides: one row per player and currency
--   batches            the unit of commit and of posting
--   operations         the chain of each wallet, append-only, keyed by (wallet_id, wallet_seq)
--   deliveries         authentic requests that did not become an operation: repeats, conflicts,
--                      refusals, history records. The first delivery of an operation is stored in
--                      the operation's own row.
--   entries            double entry; every transaction sums to zero per currency
--   rounds             stake and payout of one wallet in one provider round
--   checkpoints        balances as of an instant
--   adjustments        corrections by hand, under four eyes
--   seals              a hash over each day, chained to the day before
--   audit              who did what, when and why
--
-- Tolerance bookings (residuals, residual_entries) also belong to the ledger. They are in
-- reconcile.sql because each refers to the run that booked it.
--
-- Amounts are bigint minor units.

CREATE TYPE operation_kind AS ENUM (
    'bet', 'win', 'bet_and_win', 'rollback', 'round_end', 'tombstone',
    'deposit', 'withdrawal', 'block', 'unblock', 'adjustment', 'exclude', 'limit'
);
CREATE TYPE operation_decision AS ENUM ('accepted', 'declined');
CREATE TYPE account_kind AS ENUM (
    'player_wallet', 'provider_clearing', 'ggr', 'funding', 'adjustment', 'suspense',
    'bonus', 'jackpot', 'promo', 'player_receivable', 'difference'
);
-- Whose money is on the other side of the player's. 'cash': the operation's kind decides.
CREATE TYPE fund_kind AS ENUM (
    'cash', 'free_round', 'bonus', 'jackpot', 'promo', 'difference', 'suspense'
);
CREATE TYPE round_status AS ENUM ('open', 'settled', 'rolled_back', 'void');

-- The guard of every append-only table, in all four files.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;

-- Players and wallets --------------------------------------------------------------------------

CREATE TABLE players (
    player      text PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT players_player_not_empty CHECK (player <> '')
);

CREATE TABLE handles (
    provider    text NOT NULL,
    handle      text NOT NULL,
    player      text NOT NULL REFERENCES players,
    CONSTRAINT handles_pkey PRIMARY KEY (provider, handle)
);
CREATE INDEX handles_by_player ON handles (player);
-- Feed records carry the hash of the handle in feed_records.key_row.
CREATE INDEX handles_by_hash ON handles (provider, hashtextextended(handle, 0));

CREATE TABLE wallets (
    wallet_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    player        text NOT NULL REFERENCES players,
    currency      text NOT NULL,
    balance       bigint NOT NULL,            -- negative only where the player owes
    seq           bigint NOT NULL,            -- last number used in this wallet's chain
    turnover      bigint NOT NULL DEFAULT 0,  -- lifetime accepted stakes
    blocked       boolean NOT NULL DEFAULT false,
    day           integer NOT NULL DEFAULT 0, -- business date of the two counters, days since 1970
    day_stake     bigint NOT NULL DEFAULT 0,  -- staked on that day
    day_payout    bigint NOT NULL DEFAULT 0,  -- paid out on that day
    -- Self-exclusion and limits as the last 'exclude' and 'limit' set them:
    -- {"until": instant, "stake": n, "turnover": n, "loss": n}, each key optional. Null: none.
    restrictions  jsonb,
    CONSTRAINT wallets_player_currency UNIQUE (player, currency),
    CONSTRAINT wallets_currency_shape CHECK (currency ~ '^[A-Z][A-Z0-9]{2,7}$'),
    CONSTRAINT wallets_seq_not_negative CHECK (seq >= 0),
    CONSTRAINT wallets_restrictions_shape
        CHECK (restrictions IS NULL
               OR (jsonb_typeof(restrictions) = 'object' AND restrictions <> '{}'
                   AND restrictions - ARRAY['until', 'stake', 'turnover', 'loss'] = '{}'))
) WITH (fillfactor = 50);  -- room for heap-only updates: every accepted operation updates this row

-- Accepting ------------------------------------------------------------------------------------

-- posted_at and parked_at are the only columns that change.
CREATE TABLE batches (
    batch_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    committed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    operations    integer NOT NULL,
    posted_at     timestamptz,
    parked_at     timestamptz
);
CREATE INDEX batches_unposted ON batches (batch_id) WHERE posted_at IS NULL AND parked_at IS NULL;
CREATE INDEX batches_by_time ON batches USING brin (committed_at);

CREATE TABLE operations (
    wallet_id        bigint NOT NULL,
    wallet_seq       bigint NOT NULL,
    batch_id         bigint NOT NULL,
    provider         text NOT NULL,          -- slug; 'tieout' for our own deposits and blocks
    op_key           text NOT NULL,          -- the provider's operation key
    kind             operation_kind NOT NULL,
    decision         operation_decision NOT NULL,
    reason           text,                   -- why it was declined, or a discrepancy worth showing
    currency         text NOT NULL,
    stake            bigint NOT NULL,        -- moved from player to provider; negative when undone
    payout           bigint NOT NULL,        -- moved from provider to player; negative when undone
    amount           bigint NOT NULL,        -- signed effect on the wallet
    balance_after    bigint NOT NULL,
    round_id         text NOT NULL,
    match_key        bigint NOT NULL,        -- 64-bit hash of (provider, round_id)
    refers_to        text,                   -- op_key that this one names (rollback, win)
    reverses         text,                   -- op_key whose effect this one undid
    ends_round       boolean NOT NULL,       -- nothing more is expected in this round
    declared_stake   bigint,                 -- control totals of a round end
    declared_payout  bigint,
    fingerprint      bytea NOT NULL,
    route            text NOT NULL,
    headers          text NOT NULL,          -- allow-listed, one "name: value" per line
    body             bytea NOT NULL,         -- raw bytes of the first delivery
    reply_status     smallint NOT NULL,
    reply            bytea NOT NULL,
    occurred_at      timestamptz,            -- the provider's clock
    received_at      timestamptz NOT NULL,   -- our clock
    fund             fund_kind NOT NULL DEFAULT 'cash',
    CONSTRAINT operations_pkey PRIMARY KEY (wallet_id, wallet_seq),
    CONSTRAINT operations_one_movement_per_key UNIQUE (provider, op_key),
    CONSTRAINT operations_seq_positive CHECK (wallet_seq > 0),
    CONSTRAINT operations_declined_moves_nothing
        CHECK (decision = 'accepted' OR (amount = 0 AND stake = 0 AND payout = 0)),
    -- Only our own orders move money that is neither stake nor payout.
    CONSTRAINT operations_amount_is_payout_less_stake
        CHECK (amount = payout - stake
               OR (provider = 'tieout' AND kind IN ('deposit', 'withdrawal', 'adjustment'))),
    CONSTRAINT operations_own_have_no_stake
        CHECK (provider <> 'tieout' OR (stake = 0 AND payout = 0)),
    CONSTRAINT operations_funding_has_no_stake
        CHECK (kind NOT IN ('deposit', 'withdrawal') OR (stake = 0 AND payout = 0))
);
CREATE UNIQUE INDEX operations_one_reversal_per_original
    ON operations (provider, reverses) WHERE reverses IS NOT NULL;
CREATE INDEX operations_by_batch ON operations (batch_id);
-- Reconciliation reads these two; each holds few rows of many.
CREATE INDEX operations_tombstones ON operations (provider, received_at)
    WHERE kind = 'tombstone';
CREATE INDEX operations_below_zero ON operations (provider, received_at)
    WHERE balance_after < 0;
CREATE TRIGGER operations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE deliveries (
    delivery_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id      bigint NOT NULL,
    provider      text NOT NULL,
    route         text NOT NULL,
    op_key        text,
    verdict       text NOT NULL,
    headers       text NOT NULL,
    body          bytea NOT NULL,
    reply_status  smallint NOT NULL,
    reply         bytea NOT NULL,
    received_at   timestamptz NOT NULL,
    ingested_at   timestamptz,
    parked_at     timestamptz
);
CREATE INDEX deliveries_by_key ON deliveries (provider, op_key) WHERE op_key IS NOT NULL;
CREATE INDEX deliveries_to_ingest ON deliveries (delivery_id)
    WHERE verdict IN ('recorded', 'malformed') AND ingested_at IS NULL AND parked_at IS NULL;
CREATE INDEX deliveries_in_conflict ON deliveries (provider, received_at)
    WHERE verdict = 'conflict';
CREATE INDEX deliveries_by_batch ON deliveries USING brin (batch_id);

-- A batch travels as three arrays of rows instead of one array per column: driver and server each
-- spend a third less on it. No table stores these types.

CREATE TYPE operation_line AS (
    wallet_id        bigint,
    wallet_seq       bigint,
    provider         text,
    op_key           text,
    kind             operation_kind,
    decision         operation_decision,
    reason           text,
    currency         text,
    stake            bigint,
    payout           bigint,
    amount           bigint,
    balance_after    bigint,
    round_id         text,
    match_key        bigint,
    refers_to        text,
    reverses         text,
    ends_round       boolean,
    declared_stake   bigint,
    declared_payout  bigint,
    fingerprint      bytea,
    route            text,
    headers          text,
    body             bytea,
    reply_status     smallint,
    reply            bytea,
    occurred_at      timestamptz,
    received_at      timestamptz,
    fund             fund_kind
);

CREATE TYPE delivery_line AS (
    provider      text,
    route         text,
    op_key        text,
    verdict       text,
    headers       text,
    body          bytea,
    reply_status  smallint,
    reply         bytea,
    received_at   timestamptz
);

CREATE TYPE wallet_line AS (
    wallet_id     bigint,
    balance       bigint,
    seq           bigint,
    turnover      bigint,
    blocked       boolean,
    day           integer,
    day_stake     bigint,
    day_payout    bigint,
    restrictions  jsonb
);

-- Posting --------------------------------------------------------------------------------------

CREATE TABLE entries (
    wallet_id   bigint NOT NULL,             -- (wallet_id, wallet_seq) is the transaction
    wallet_seq  bigint NOT NULL,
    leg         smallint NOT NULL,
    account     account_kind NOT NULL,
    provider    text NOT NULL,
    match_key   bigint NOT NULL,             -- the round a clearing entry belongs to
    currency    text NOT NULL,
    amount      bigint NOT NULL,             -- positive: into the account
    posted_at   timestamptz NOT NULL DEFAULT transaction_timestamp(),
    CONSTRAINT entries_pkey PRIMARY KEY (wallet_id, wallet_seq, leg),
    CONSTRAINT entries_amount_not_zero CHECK (amount <> 0)
);
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Checks the posting code independently: each transaction that a statement writes must sum to
-- zero per currency within that statement.
CREATE FUNCTION entries_must_sum_to_zero() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unbalanced record;
BEGIN
    SELECT wallet_id, wallet_seq, currency, sum(amount) AS total INTO unbalanced
      FROM written GROUP BY wallet_id, wallet_seq, currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entries of txn-%-% do not sum to zero: % %',
            unbalanced.wallet_id, unbalanced.wallet_seq, unbalanced.total, unbalanced.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_sum_to_zero AFTER INSERT ON entries
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION entries_must_sum_to_zero();

-- One row is one wallet's part in a provider round. Several players may share a round id, and one
-- player may play it in two currencies: each part has its own figures, end and clearing, and
-- posting one part never waits for another.
--
-- PostgreSQL finds a column by walking over those before it, so the columns that a reconciliation
-- run reads come first, then fixed widths, then the rest.
CREATE TABLE rounds (
    first_at         timestamptz NOT NULL,   -- received_at of the first and last operation
    provider         text NOT NULL,
    -- What a comparison reads of the row, packed when the row is written, so that a run reads one
    -- value per row and joins nothing. feed_records.key_row has the same layout:
    --   match_key, stake, payout, name   8 bytes each, big-endian
    --   currency                         8 bytes, padded with blanks
    --   contradiction                    1 byte: 1 if the row contradicts itself
    -- The name is what the row itself knows of its player: here the wallet, there a hash of the
    -- handle.
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
    -- Derived from the figures, so it cannot contradict them.
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
    CONSTRAINT rounds_pkey PRIMARY KEY (match_key, provider, round_id, wallet_id),
    CONSTRAINT rounds_counts_not_negative CHECK (bets >= 0 AND wins >= 0 AND rollbacks >= 0),
    CONSTRAINT rounds_currency_fits CHECK (octet_length(currency) <= 8)
) WITH (fillfactor = 80);
CREATE INDEX rounds_by_time ON rounds USING brin (first_at);

-- Rounds only grow, in whatever order batches are posted: an ended round never reopens, no count
-- decreases, and no round changes its wallet. The condition is part of the trigger, so the
-- function runs only for a violation.
CREATE FUNCTION refuse_round_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'round % of % cannot become that', OLD.round_id, OLD.provider
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rounds_only_grow';
END $$;
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

-- Balances as of an instant --------------------------------------------------------------------

-- Everything up to wallet_seq was received and posted at or before as_of. The balance at a later
-- instant is this one plus the operations after wallet_seq up to that instant.
CREATE TABLE checkpoints (
    wallet_id   bigint NOT NULL REFERENCES wallets,
    as_of       timestamptz NOT NULL,
    wallet_seq  bigint NOT NULL,
    balance     bigint NOT NULL,             -- sum of the posted entries up to wallet_seq
    taken_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT checkpoints_pkey PRIMARY KEY (wallet_id, as_of),
    CONSTRAINT checkpoints_seq_positive CHECK (wallet_seq > 0)
);
CREATE TRIGGER checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Corrections by hand --------------------------------------------------------------------------

CREATE TABLE adjustments (
    id           text PRIMARY KEY,           -- 'adj-…'; also the key of the operation it becomes
    player       text NOT NULL,
    currency     text NOT NULL,
    amount       bigint NOT NULL,            -- signed, to the player
    reason       text NOT NULL,
    break_id     text,                       -- the break it repairs
    provider     text,                       -- with round_id: the round it belongs to
    round_id     text,
    side         text,                       -- 'stake' or 'payout' of that round
    fund         fund_kind NOT NULL,
    proposed_by  text NOT NULL,
    proposed_at  timestamptz NOT NULL,
    state        text NOT NULL,
    decided_by   text,
    decided_at   timestamptz,
    decision     text,                       -- why it was rejected
    op_key       text,                       -- the operation, once it is posted
    FOREIGN KEY (player, currency) REFERENCES wallets (player, currency),
    CONSTRAINT adjustments_id_shape CHECK (id ~ '^adj-[0-9a-f]{32}$'),
    CONSTRAINT adjustments_amount_not_zero CHECK (amount <> 0),
    CONSTRAINT adjustments_reason_not_empty CHECK (reason <> ''),
    CONSTRAINT adjustments_state_known
        CHECK (state IN ('proposed', 'approved', 'rejected', 'posted')),
    CONSTRAINT adjustments_four_eyes CHECK (decided_by IS NULL OR decided_by <> proposed_by),
    CONSTRAINT adjustments_decided_or_proposed
        CHECK ((state = 'proposed') = (decided_by IS NULL)
               AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT adjustments_posted_has_its_operation
        CHECK ((state = 'posted') = (op_key IS NOT NULL) AND (op_key IS NULL OR op_key = id)),
    CONSTRAINT adjustments_round_is_whole
        CHECK ((provider IS NULL) = (round_id IS NULL) AND (provider IS NULL) = (side IS NULL)
               AND (side IS NULL OR side IN ('stake', 'payout'))
               AND provider IS DISTINCT FROM 'tieout')
);
CREATE INDEX adjustments_pending ON adjustments (proposed_at)
    WHERE state IN ('proposed', 'approved');
CREATE INDEX adjustments_by_break ON adjustments (break_id) WHERE break_id IS NOT NULL;

-- proposed → approved → posted, or proposed → rejected; what was proposed never changes.
CREATE FUNCTION adjustments_must_follow_their_states() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN
           (('proposed', 'approved'), ('proposed', 'rejected'), ('approved', 'posted'))
       OR (OLD.id, OLD.player, OLD.currency, OLD.amount, OLD.reason, OLD.fund, OLD.proposed_by,
           OLD.proposed_at)
          <> (NEW.id, NEW.player, NEW.currency, NEW.amount, NEW.reason, NEW.fund,
              NEW.proposed_by, NEW.proposed_at)
       OR (OLD.break_id, OLD.provider, OLD.round_id, OLD.side)
          IS DISTINCT FROM (NEW.break_id, NEW.provider, NEW.round_id, NEW.side)
       OR (OLD.state = 'approved'
           AND (OLD.decided_by, OLD.decided_at) <> (NEW.decided_by, NEW.decided_at))
    THEN
        RAISE EXCEPTION 'adjustment % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'adjustments_states';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER adjustments_states BEFORE UPDATE ON adjustments
    FOR EACH ROW EXECUTE FUNCTION adjustments_must_follow_their_states();
CREATE TRIGGER adjustments_never_removed BEFORE DELETE OR TRUNCATE ON adjustments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Sealed days ----------------------------------------------------------------------------------

CREATE TABLE seals (
    day               date PRIMARY KEY,      -- in UTC, by the instant a batch was committed
    previous          text NOT NULL,         -- hash of the day before; zeros for the first
    hash              text NOT NULL,         -- SHA-256 of the day's canonical lines, in hex
    batches           bigint NOT NULL,
    operations        bigint NOT NULL,
    entries           bigint NOT NULL,
    deliveries        bigint NOT NULL,
    layout            jsonb NOT NULL,        -- the columns that were hashed, by table
    sealed_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    residuals         bigint NOT NULL DEFAULT 0,
    residual_entries  bigint NOT NULL DEFAULT 0,
    CONSTRAINT seals_follow_one_each UNIQUE (previous),
    CONSTRAINT seals_hash_shape CHECK (hash ~ '^[0-9a-f]{64}$' AND previous ~ '^[0-9a-f]{64}$'),
    CONSTRAINT seals_counts_not_negative
        CHECK (batches >= 0 AND operations >= 0 AND entries >= 0 AND deliveries >= 0),
    CONSTRAINT seals_residuals_not_negative
        CHECK (residuals >= 0 AND residual_entries >= 0)
);
CREATE TRIGGER seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Seals leave out no day, and no day is sealed before it is over.
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

-- The audit trail ------------------------------------------------------------------------------

CREATE TABLE audit (
    audit_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor     text NOT NULL,                 -- a person's name, or the job that acted
    action    text NOT NULL,                 -- 'adjustment.approved', 'break.assigned', ...
    subject   text NOT NULL,                 -- the id of what it was done to
    detail    jsonb NOT NULL,
    CONSTRAINT audit_actor_not_empty CHECK (actor <> ''),
    CONSTRAINT audit_action_not_empty CHECK (action <> ''),
    CONSTRAINT audit_detail_is_object CHECK (jsonb_typeof(detail) = 'object')
);
CREATE INDEX audit_by_subject ON audit (subject, audit_id);
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
