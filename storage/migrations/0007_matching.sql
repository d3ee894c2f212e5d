-- Every kind of break, with what it rests on; and ways to what witnesses of a run look for.

ALTER TABLE breaks
    ADD COLUMN began_at timestamptz,                  -- when what it is about began; null: before this
    ADD COLUMN subject  text NOT NULL DEFAULT '',     -- within the round: an operation key, a record
    ADD COLUMN alias    text NOT NULL DEFAULT '',     -- the provider's own name of the round
    ADD COLUMN evidence jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT breaks_kind_known CHECK (kind IN (
        'missing_in_ledger', 'missing_at_provider', 'currency_mismatch', 'ambiguous_match',
        'status_mismatch', 'stake_mismatch', 'payout_mismatch', 'duplicate_at_provider',
        'duplicate_in_ledger', 'player_mismatch', 'arithmetic_error', 'round_total_mismatch',
        'late_original', 'orphan_rollback', 'idempotency_conflict', 'delivery_missing',
        'delivery_disputed', 'open_round_overdue', 'balance_chain_gap', 'negative_balance',
        'unparsable_record', 'restated_after_close'));

-- Few rows of many: what was rolled back before it came, and what left a wallet below zero.
CREATE INDEX operations_tombstones ON operations (provider, received_at)
    WHERE kind = 'tombstone';
CREATE INDEX operations_below_zero ON operations (provider, received_at)
    WHERE balance_after < 0;
CREATE INDEX deliveries_in_conflict ON deliveries (provider, received_at)
    WHERE verdict = 'conflict';
