-- Everything the books stand on, with every guard from the first day.
--
-- Map of the tables
--   players, handles      who plays, and what each provider calls them
--   wallets               the balance that decides: one row per (player, currency)
--   batches               the unit of commit and of posting; posted_at is the only mutable fact
--   operations            the chain of each wallet: append-only, primary key (wallet_id, wallet_seq)
--   deliveries            authentic requests that became no operation: repeats, conflicts,
--                         refusals, history records. First deliveries live in their operation.
--   entries               double entry; every transaction sums to zero per currency
--   rounds                stake and payout per provider round, swept to GGR when it ends
--   feed_records/_versions what the providers' own history says, newest and every version
--   parked                work that could not be done, with the reason; never expires
--   runs, breaks          reconciliation results, always complete

CREATE TYPE operation_kind AS ENUM (
    'bet', 'win', 'bet_and_win', 'rollback', 'round_end', 'tombstone',
    'deposit', 'withdrawal', 'block', 'unblock'
);
CREATE TYPE operation_decision AS ENUM ('accepted', 'declined');
CREATE TYPE account_kind AS ENUM (
    'player_wallet', 'provider_clearing', 'ggr', 'funding', 'adjustment', 'suspense'
);

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

CREATE TABLE wallets (
    wallet_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    player      text NOT NULL REFERENCES players,
    currency    text NOT NULL,
    balance     bigint NOT NULL,             -- minor units; may be negative only where owed
    seq         bigint NOT NULL,             -- last number used in this wallet's chain
    turnover    bigint NOT NULL DEFAULT 0,   -- lifetime accepted stakes, minor units
    blocked     boolean NOT NULL DEFAULT false,
    CONSTRAINT wallets_player_currency UNIQUE (player, currency),
    CONSTRAINT wallets_currency_shape CHECK (currency ~ '^[A-Z][A-Z0-9]{2,7}$'),
    CONSTRAINT wallets_seq_not_negative CHECK (seq >= 0)
) WITH (fillfactor = 50);                    -- room for heap-only updates: this row is the hot one

CREATE TABLE batches (
    batch_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    committed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    operations    integer NOT NULL,
    posted_at     timestamptz,
    parked_at     timestamptz
);
CREATE INDEX batches_unposted ON batches (batch_id) WHERE posted_at IS NULL AND parked_at IS NULL;

CREATE TABLE operations (
    wallet_id        bigint NOT NULL,
    wallet_seq       bigint NOT NULL,
    batch_id         bigint NOT NULL,
    provider         text NOT NULL,          -- slug; 'tieout' for our own deposits and blocks
    op_key           text NOT NULL,          -- the provider's operation key
    kind             operation_kind NOT NULL,
    decision         operation_decision NOT NULL,
    reason           text,                   -- why declined; or a discrepancy worth seeing
    currency         text NOT NULL,
    stake            bigint NOT NULL,        -- moved from player to provider; negative when undone
    payout           bigint NOT NULL,        -- moved from provider to player; negative when undone
    amount           bigint NOT NULL,        -- signed effect on the wallet
    balance_after    bigint NOT NULL,
    round_id         text NOT NULL,
    match_key        bigint NOT NULL,        -- 64-bit hash of (provider, round_id)
    refers_to        text,                   -- op_key this one speaks of (rollback, win)
    reverses         text,                   -- op_key whose effect this one really undid
    ends_round       boolean NOT NULL,       -- nothing more is expected in this round
    declared_stake   bigint,                 -- control totals of a round end
    declared_payout  bigint,
    fingerprint      bytea NOT NULL,
    route            text NOT NULL,
    headers          text NOT NULL,          -- allow-listed, one "name: value" a line
    body             bytea NOT NULL,         -- the first delivery's raw bytes
    reply_status     smallint NOT NULL,
    reply            bytea NOT NULL,
    occurred_at      timestamptz,            -- the provider's clock
    received_at      timestamptz NOT NULL,   -- ours
    CONSTRAINT operations_pkey PRIMARY KEY (wallet_id, wallet_seq),
    CONSTRAINT operations_one_movement_per_key UNIQUE (provider, op_key),
    CONSTRAINT operations_seq_positive CHECK (wallet_seq > 0),
    CONSTRAINT operations_declined_moves_nothing
        CHECK (decision = 'accepted' OR (amount = 0 AND stake = 0 AND payout = 0)),
    CONSTRAINT operations_amount_is_payout_less_stake
        CHECK (kind IN ('deposit', 'withdrawal') OR amount = payout - stake),
    CONSTRAINT operations_funding_has_no_stake
        CHECK (kind NOT IN ('deposit', 'withdrawal') OR (stake = 0 AND payout = 0))
);
CREATE UNIQUE INDEX operations_one_reversal_per_original
    ON operations (provider, reverses) WHERE reverses IS NOT NULL;
CREATE INDEX operations_by_batch ON operations (batch_id);

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
    WHERE verdict = 'recorded' AND ingested_at IS NULL AND parked_at IS NULL;

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

CREATE TABLE rounds (
    match_key        bigint NOT NULL,
    provider         text NOT NULL,
    round_id         text NOT NULL,
    wallet_id        bigint NOT NULL,
    currency         text NOT NULL,
    stake            bigint NOT NULL,
    payout           bigint NOT NULL,
    swept            bigint NOT NULL DEFAULT 0,  -- clearing already moved to GGR
    bets             integer NOT NULL,
    wins             integer NOT NULL,
    rollbacks        integer NOT NULL,
    ended            boolean NOT NULL,
    declared_stake   bigint,
    declared_payout  bigint,
    first_at         timestamptz NOT NULL,   -- received_at of the first and last operation
    last_at          timestamptz NOT NULL,
    CONSTRAINT rounds_pkey PRIMARY KEY (match_key, provider, round_id)
) WITH (fillfactor = 80);
CREATE INDEX rounds_by_time ON rounds USING brin (first_at);

CREATE TABLE feed_records (
    provider        text NOT NULL,
    record_id       text NOT NULL,
    occurrence      integer NOT NULL DEFAULT 1,  -- 2 when one statement names the id twice, ...
    round_id        text NOT NULL,
    match_key       bigint NOT NULL,
    handle          text NOT NULL,
    currency        text NOT NULL,
    stake           bigint NOT NULL,
    payout          bigint NOT NULL,
    rolled_back     boolean NOT NULL,
    declared_net    bigint,
    balance_before  bigint,
    balance_after   bigint,
    game            text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    source          text NOT NULL,           -- 'push' or the name of the imported file
    continues       boolean NOT NULL DEFAULT false,  -- its round had another record before it
    CONSTRAINT feed_records_pkey PRIMARY KEY (provider, record_id, occurrence),
    CONSTRAINT feed_records_occurrence_positive CHECK (occurrence > 0)
);
CREATE INDEX feed_records_by_round ON feed_records (match_key);
CREATE INDEX feed_records_continuing ON feed_records (provider, match_key) WHERE continues;
-- Time windows are read in bulk and rows arrive in time order: a block range index suffices.
CREATE INDEX feed_records_by_time ON feed_records USING brin (created_at);

CREATE TABLE feed_versions (
    version_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider        text NOT NULL,
    record_id       text NOT NULL,
    updated_at      timestamptz NOT NULL,
    content         bytea NOT NULL,          -- digest of the raw line
    raw             bytea NOT NULL,
    source          text NOT NULL,
    received_at     timestamptz NOT NULL,
    CONSTRAINT feed_versions_once UNIQUE (provider, record_id, content)
);

CREATE TABLE parked (
    parked_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job         text NOT NULL,               -- 'post.v1', 'ingest.v1', ...
    subject     text NOT NULL,               -- the batch or delivery it was about
    cause       text NOT NULL,               -- groups equal failures
    detail      text NOT NULL,
    parked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT parked_once UNIQUE (job, subject)
);

CREATE TABLE runs (
    run_id        text PRIMARY KEY,
    provider      text NOT NULL,
    window_from   timestamptz NOT NULL,
    window_to     timestamptz NOT NULL,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz NOT NULL,
    result        jsonb NOT NULL,            -- what `tieout reconcile --json` prints, without breaks
    manifest      jsonb NOT NULL,            -- input identities, versions, conservation proof
    conserved     boolean NOT NULL,
    CONSTRAINT runs_are_conserved CHECK (conserved)
);
CREATE INDEX runs_by_provider ON runs (provider, finished_at);

CREATE TABLE breaks (
    break_id      text PRIMARY KEY,          -- stable: the same difference keeps its id between runs
    run_id        text NOT NULL REFERENCES runs,
    provider      text NOT NULL,
    kind          text NOT NULL,
    impact        text NOT NULL CHECK (impact IN ('player_owed', 'operator_owed', 'none')),
    player        text,
    currency      text NOT NULL,
    round_id      text NOT NULL,
    match_key     bigint NOT NULL,
    ours          jsonb,
    theirs        jsonb,
    difference    bigint NOT NULL,           -- signed, minor units: theirs less ours, to the player
    explanation   text NOT NULL,
    first_seen    timestamptz NOT NULL,
    last_seen     timestamptz NOT NULL,
    cleared_at    timestamptz
);
CREATE INDEX breaks_open ON breaks (provider, kind) WHERE cleared_at IS NULL;

-- Once per (job, business date), however many schedulers run.
CREATE TABLE job_runs (
    job         text NOT NULL,
    slot        text NOT NULL,               -- the business date or interval it stands for
    claimed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT job_runs_once PRIMARY KEY (job, slot)
);

-- Guards -------------------------------------------------------------------------------------

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;

CREATE TRIGGER operations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_versions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feed_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The second witness: whatever statement writes entries, each transaction it touches must sum
-- to zero per currency within that statement.
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
