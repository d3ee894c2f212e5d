-- The whole chart of accounts, funds, corrections under four eyes, players' states, the states
-- of rounds, and balances as of an instant.
--
-- Values added to a type cannot be used by the statements of the same transaction, so the
-- constraints below compare them as text, and only where the cheap comparison did not settle it.

ALTER TYPE operation_kind ADD VALUE 'adjustment';
ALTER TYPE operation_kind ADD VALUE 'exclude';
ALTER TYPE operation_kind ADD VALUE 'limit';

ALTER TYPE account_kind ADD VALUE 'bonus';
ALTER TYPE account_kind ADD VALUE 'jackpot';
ALTER TYPE account_kind ADD VALUE 'promo';
ALTER TYPE account_kind ADD VALUE 'player_receivable';
ALTER TYPE account_kind ADD VALUE 'difference';

-- Operations -----------------------------------------------------------------------------------

-- Whose money stands on the other side of the player's. 'cash' is the rule of the kind.
CREATE TYPE fund_kind AS ENUM (
    'cash', 'free_round', 'bonus', 'jackpot', 'promo', 'difference', 'suspense'
);
ALTER TABLE operations ADD COLUMN fund fund_kind NOT NULL DEFAULT 'cash';

-- Only our own orders move money that is neither stake nor payout.
ALTER TABLE operations DROP CONSTRAINT operations_amount_is_payout_less_stake;
ALTER TABLE operations ADD CONSTRAINT operations_amount_is_payout_less_stake
    CHECK (amount = payout - stake
           OR (provider = 'tieout' AND kind::text IN ('deposit', 'withdrawal', 'adjustment')));
ALTER TABLE operations ADD CONSTRAINT operations_own_have_no_stake
    CHECK (provider <> 'tieout' OR (stake = 0 AND payout = 0));

-- Players' states ------------------------------------------------------------------------------

ALTER TABLE wallets
    ADD COLUMN day         integer NOT NULL DEFAULT 0,  -- business date of the two counters, days since 1970
    ADD COLUMN day_stake   bigint NOT NULL DEFAULT 0,   -- staked on that day, minor units
    ADD COLUMN day_payout  bigint NOT NULL DEFAULT 0,   -- paid out on that day, minor units
    -- {"until": instant, "stake": n, "turnover": n, "loss": n}, each of them optional:
    -- self-exclusion and limits, as the last 'exclude' and 'limit' left them. Null: none.
    ADD COLUMN restrictions jsonb;
ALTER TABLE wallets ADD CONSTRAINT wallets_restrictions_shape
    CHECK (restrictions IS NULL
           OR (jsonb_typeof(restrictions) = 'object' AND restrictions <> '{}'
               AND restrictions - ARRAY['until', 'stake', 'turnover', 'loss'] = '{}'));

-- Rounds ---------------------------------------------------------------------------------------

CREATE TYPE round_status AS ENUM ('open', 'settled', 'rolled_back', 'void');

-- The status follows from the figures, so it cannot contradict them.
ALTER TABLE rounds ADD COLUMN status round_status NOT NULL GENERATED ALWAYS AS (
    CASE WHEN rollbacks > 0 AND stake = 0 AND payout = 0 THEN 'rolled_back'::round_status
         WHEN NOT ended THEN 'open'::round_status
         WHEN bets = 0 AND wins = 0 AND stake = 0 AND payout = 0 THEN 'void'::round_status
         ELSE 'settled'::round_status END
) STORED;
ALTER TABLE rounds ADD CONSTRAINT rounds_counts_not_negative
    CHECK (bets >= 0 AND wins >= 0 AND rollbacks >= 0);

-- Rounds only grow, whatever the order of posting: nothing becomes open again once it ended,
-- nothing is counted back, and no round changes hands. The condition is evaluated in place, so
-- the function is called only for a violation.
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

-- Corrections by hand --------------------------------------------------------------------------

CREATE TABLE adjustments (
    id           text PRIMARY KEY,           -- 'adj-…'; also the key of the operation it becomes
    player       text NOT NULL,
    currency     text NOT NULL,
    amount       bigint NOT NULL,            -- signed, minor units, to the player
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
    op_key       text,                       -- once it stands in the books
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

-- Balances as of an instant --------------------------------------------------------------------

-- Everything up to wallet_seq was received and posted at or before as_of, so the balance at any
-- later instant is this one and the operations after wallet_seq up to that instant.
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
