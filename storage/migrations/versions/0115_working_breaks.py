"""Working breaks: write-offs approved before they are booked, views, mentions, files."""

from alembic import op

revision = "0115"
down_revision = "0114"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # The console approves a write-off; the scheduler, which may write the books, books it.
    "ALTER TABLE write_offs DROP CONSTRAINT write_offs_state_known",
    """
ALTER TABLE write_offs ADD CONSTRAINT write_offs_state_known
    CHECK (state IN ('proposed', 'approved', 'rejected', 'booked', 'reversed'))
""",
    "DROP INDEX write_offs_once",
    """
CREATE UNIQUE INDEX write_offs_once ON write_offs (break_id)
    WHERE state IN ('proposed', 'approved', 'booked')
""",
    """
CREATE INDEX write_offs_approved ON write_offs (decided_at) WHERE state = 'approved'
""",
    # What was approved and is gone before it was booked is reversed: nothing is booked of it.
    """
CREATE OR REPLACE FUNCTION write_offs_must_follow_their_states() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN
           (('proposed', 'approved'), ('approved', 'booked'), ('approved', 'reversed'),
            ('proposed', 'booked'), ('proposed', 'rejected'), ('booked', 'reversed'))
       OR (OLD.write_off_id, OLD.break_id, OLD.provider, OLD.round_id, OLD.match_key,
           OLD.currency, OLD.amount, OLD.reason, OLD.proposed_by, OLD.proposed_at)
          <> (NEW.write_off_id, NEW.break_id, NEW.provider, NEW.round_id, NEW.match_key,
              NEW.currency, NEW.amount, NEW.reason, NEW.proposed_by, NEW.proposed_at)
       OR (OLD.state IN ('approved', 'booked')
           AND (OLD.decided_by, OLD.decided_at) <> (NEW.decided_by, NEW.decided_at))
    THEN
        RAISE EXCEPTION 'write-off % cannot go from % to %',
            OLD.write_off_id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'write_offs_states';
    END IF;
    RETURN NEW;
END $$
""",
    # A list of breaks that somebody comes back to: the query of its address.
    """
CREATE TABLE saved_views (
    view_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id bigint NOT NULL REFERENCES people,
    name      text NOT NULL,
    address   text NOT NULL,
    shared    boolean NOT NULL,
    saved_at  timestamptz NOT NULL,
    CONSTRAINT saved_views_once UNIQUE (person_id, name),
    CONSTRAINT saved_views_named CHECK (name <> '' AND length(name) <= 60),
    CONSTRAINT saved_views_short CHECK (length(address) <= 4000)
)
""",
    # Whom a comment names, until they have read it.
    """
CREATE TABLE break_mentions (
    note_id   bigint NOT NULL REFERENCES break_notes,
    person_id bigint NOT NULL REFERENCES people,
    break_id  text NOT NULL REFERENCES breaks,
    read_at   timestamptz,
    CONSTRAINT break_mentions_pkey PRIMARY KEY (note_id, person_id)
)
""",
    """
CREATE INDEX break_mentions_unread ON break_mentions (person_id, break_id)
    WHERE read_at IS NULL
""",
    # The bytes of a note of kind file that was attached in the console.
    """
CREATE TABLE break_files (
    note_id    bigint PRIMARY KEY REFERENCES break_notes,
    media_type text NOT NULL,
    content    bytea NOT NULL
)
""",
    """
CREATE FUNCTION break_files_must_suit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM break_notes
                    WHERE note_id = NEW.note_id AND kind = 'file'
                      AND digest = encode(sha256(NEW.content), 'hex')
                      AND size = length(NEW.content)) THEN
        RAISE EXCEPTION 'the bytes are not those of note %', NEW.note_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_files_suit';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER break_files_suit BEFORE INSERT ON break_files
    FOR EACH ROW EXECUTE FUNCTION break_files_must_suit()
""",
    """
CREATE TRIGGER break_files_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON break_files
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
