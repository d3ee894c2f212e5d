"""Find things by name and amount; waiting breaks, write-offs, and impacts on two axes."""

from alembic import op

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Lookups of `tieout find` and filters of breaks that no index served.
    "CREATE INDEX breaks_by_round ON breaks (match_key)",
    "CREATE INDEX breaks_by_amount ON breaks (currency, difference)",
    "CREATE INDEX breaks_by_player ON breaks (player)",
    "CREATE INDEX feed_files_by_name ON feed_files (name)",
    "CREATE INDEX seals_by_hash ON seals (hash)",
    "CREATE INDEX adjustments_by_time ON adjustments (proposed_at)",
    # Breaks that wait for the provider, and breaks that are written off.
    """
INSERT INTO break_transitions (before, after) VALUES
    ('open', 'waiting'), ('assigned', 'waiting'), ('explained', 'waiting'),
    ('waiting', 'open'), ('waiting', 'assigned'), ('waiting', 'explained'),
    ('waiting', 'adjustment_proposed'), ('waiting', 'write_off_proposed'),
    ('waiting', 'closed'),
    ('open', 'write_off_proposed'), ('assigned', 'write_off_proposed'),
    ('explained', 'write_off_proposed'),
    ('write_off_proposed', 'open'), ('write_off_proposed', 'assigned'),
    ('write_off_proposed', 'written_off'), ('write_off_proposed', 'closed'),
    ('written_off', 'open'), ('written_off', 'closed')
""",
    "ALTER TABLE break_workflows DROP CONSTRAINT break_workflows_state_known",
    """
ALTER TABLE break_workflows ADD CONSTRAINT break_workflows_state_known CHECK (state IN (
    'open', 'assigned', 'explained', 'waiting', 'adjustment_proposed', 'approved', 'posted',
    'write_off_proposed', 'written_off', 'closed'))
""",
    "ALTER TABLE break_workflows DROP CONSTRAINT break_workflows_settled_by_a_person",
    """
ALTER TABLE break_workflows ADD CONSTRAINT break_workflows_settled_by_a_person CHECK (
    (state NOT IN ('explained', 'written_off') OR settled IS NOT NULL)
    AND (settled IS NULL OR state IN ('explained', 'written_off', 'closed')))
""",
    # A write-off moves no wallet: it accepts that GGR differs from the provider's figure, which
    # two people decide here, as a tolerance does for small differences.
    """
CREATE TABLE write_offs (
    write_off_id  text PRIMARY KEY,
    break_id      text NOT NULL REFERENCES breaks,
    provider      text NOT NULL,
    round_id      text NOT NULL,
    match_key     bigint NOT NULL,
    currency      text NOT NULL,
    amount        bigint NOT NULL,           -- the difference: signed, to the player
    reason        text NOT NULL,
    proposed_by   text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    state         text NOT NULL,
    decided_by    text,
    decided_at    timestamptz,
    reversed_by   text,                      -- the person or the run that took it back
    reversed_at   timestamptz,
    proposed_eyes text[],                    -- eyes_of() the proposer when it was proposed
    decided_eyes  text[],                    -- eyes_of() the one who decided, at that moment
    CONSTRAINT write_offs_two_people CHECK (are_two_people(proposed_eyes, decided_eyes)),
    CONSTRAINT write_offs_id_shape CHECK (write_off_id ~ '^wof-[0-9a-f]{32}$'),
    CONSTRAINT write_offs_amount_not_zero CHECK (amount <> 0),
    CONSTRAINT write_offs_texts_not_empty CHECK (reason <> '' AND proposed_by <> ''),
    CONSTRAINT write_offs_state_known
        CHECK (state IN ('proposed', 'rejected', 'booked', 'reversed')),
    CONSTRAINT write_offs_four_eyes CHECK (decided_by <> proposed_by),
    CONSTRAINT write_offs_decided_or_proposed
        CHECK ((state = 'proposed') = (decided_by IS NULL)
               AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT write_offs_reversed_by_somebody
        CHECK ((state = 'reversed') = (reversed_by IS NOT NULL)
               AND (reversed_by IS NULL) = (reversed_at IS NULL))
)
""",
    """
CREATE UNIQUE INDEX write_offs_once ON write_offs (break_id)
    WHERE state IN ('proposed', 'booked')
""",
    "CREATE INDEX write_offs_by_break ON write_offs (break_id)",
    """
CREATE FUNCTION write_offs_must_follow_their_states() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN
           (('proposed', 'booked'), ('proposed', 'rejected'), ('booked', 'reversed'))
       OR (OLD.write_off_id, OLD.break_id, OLD.provider, OLD.round_id, OLD.match_key,
           OLD.currency, OLD.amount, OLD.reason, OLD.proposed_by, OLD.proposed_at)
          <> (NEW.write_off_id, NEW.break_id, NEW.provider, NEW.round_id, NEW.match_key,
              NEW.currency, NEW.amount, NEW.reason, NEW.proposed_by, NEW.proposed_at)
       OR (OLD.state = 'booked'
           AND (OLD.decided_by, OLD.decided_at) <> (NEW.decided_by, NEW.decided_at))
    THEN
        RAISE EXCEPTION 'write-off % cannot go from % to %',
            OLD.write_off_id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'write_offs_states';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER write_offs_states BEFORE UPDATE ON write_offs
    FOR EACH ROW EXECUTE FUNCTION write_offs_must_follow_their_states()
""",
    """
CREATE FUNCTION write_offs_must_start_proposed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'proposed' THEN
        RAISE EXCEPTION 'write-off % was never proposed', NEW.write_off_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'write_offs_states';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER write_offs_start BEFORE INSERT ON write_offs
    FOR EACH ROW EXECUTE FUNCTION write_offs_must_start_proposed()
""",
    """
CREATE TRIGGER write_offs_eyes BEFORE INSERT OR UPDATE ON write_offs
    FOR EACH ROW EXECUTE FUNCTION keep_eyes()
""",
    """
CREATE TRIGGER write_offs_never_removed BEFORE DELETE OR TRUNCATE ON write_offs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    # Booked as a residual that people accepted instead of a run: the same two legs, chained,
    # sealed and checked in the same way.
    "ALTER TABLE residuals ADD COLUMN write_off_id text REFERENCES write_offs",
    "ALTER TABLE residuals ALTER COLUMN run_id DROP NOT NULL",
    """
ALTER TABLE residuals ADD CONSTRAINT residuals_accepted_by_one
    CHECK (num_nonnulls(run_id, write_off_id) = 1)
""",
    "ALTER TABLE residuals DROP CONSTRAINT residuals_once",
    """
CREATE UNIQUE INDEX residuals_once ON residuals
    (provider, round_id, player, currency, sequence, coalesce(write_off_id, ''))
""",
    # The database names the first index that a row violates: this one stays behind the other.
    "ALTER TABLE residuals DROP CONSTRAINT residuals_corrected_once",
    "ALTER TABLE residuals ADD CONSTRAINT residuals_corrected_once UNIQUE (corrects)",
    """
CREATE INDEX residuals_by_write_off ON residuals (write_off_id) WHERE write_off_id IS NOT NULL
""",
    # The books hold a write-off exactly as long as it stands.
    """
CREATE FUNCTION write_offs_must_be_booked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    standing bigint;
BEGIN
    SELECT coalesce(sum(after - before), 0) INTO standing
      FROM residuals WHERE write_off_id = NEW.write_off_id;
    IF standing <> (CASE NEW.state WHEN 'booked' THEN NEW.amount ELSE 0 END) THEN
        RAISE EXCEPTION 'write-off % is % but % is booked',
            NEW.write_off_id, NEW.state, standing
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'write_offs_are_booked';
    END IF;
    RETURN NULL;
END $$
""",
    """
CREATE CONSTRAINT TRIGGER write_offs_are_booked AFTER INSERT OR UPDATE ON write_offs
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION write_offs_must_be_booked()
""",
    """
CREATE FUNCTION residuals_must_suit_their_write_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT (w.provider, w.round_id, w.match_key, w.currency)
               <> (NEW.provider, NEW.round_id, NEW.match_key, NEW.currency)
               OR NEW.after NOT IN (0, w.amount)
               OR w.state NOT IN ('booked', 'reversed')
          FROM write_offs w WHERE w.write_off_id = NEW.write_off_id) THEN
        RAISE EXCEPTION 'residual % is not what write-off % accepts',
            NEW.residual_id, NEW.write_off_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'residuals_suit_their_write_off';
    END IF;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER residuals_suit_their_write_off AFTER INSERT ON residuals
    FOR EACH ROW WHEN (NEW.write_off_id IS NOT NULL)
    EXECUTE FUNCTION residuals_must_suit_their_write_off()
""",
    # A break is written off only while its write-off is booked.
    """
CREATE FUNCTION break_workflows_must_suit_write_offs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.state = 'written_off') <> EXISTS
           (SELECT FROM write_offs WHERE break_id = NEW.break_id AND state = 'booked') THEN
        RAISE EXCEPTION 'break % is % against its write-off', NEW.break_id, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_workflows_write_offs';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER break_workflows_write_offs BEFORE UPDATE ON break_workflows
    FOR EACH ROW WHEN (OLD.state <> NEW.state
                       AND 'written_off' IN (OLD.state, NEW.state))
    EXECUTE FUNCTION break_workflows_must_suit_write_offs()
""",
    # What these kinds differ by is no player's money: impact is about the player.
    """
UPDATE breaks SET impact = 'none'
 WHERE kind IN ('duplicate_at_provider', 'restated_after_close') AND impact <> 'none'
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
