"""Sums of days that are over, kept beside what marks them as changed; games of breaks."""

from alembic import op

revision = "0127"
down_revision = "0126"
branch_labels = None
depends_on = None

_TABLES = (
    # A business day of a provider whose sums are kept. They hold as long as every row of
    # day_changes about the day was visible in the snapshot that added them up. Snapshots and
    # transaction numbers mean something in one cluster only.
    """
CREATE TABLE summed_days (
    day_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider      text NOT NULL,
    business_day  date NOT NULL,
    zone          text NOT NULL,
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    armed         xid8,            -- later transactions mark what they change
    seen          pg_snapshot,     -- null: not added up since it was armed
    cluster       bigint,          -- the system identifier of the server that added up
    summed_at     timestamptz,
    run_id        text REFERENCES runs,  -- the newest run of the day, if its totals are these
    lists_unreported boolean NOT NULL DEFAULT false,  -- day_unreported_rounds is complete
    sides         jsonb,           -- both sides by currency, as a list of days shows them
    delay_s       bigint,          -- null: the day has no records
    due           bigint,          -- rows whose horizon has passed; null: not all have
    resolved      bigint,          -- of them, those resolved within it
    CONSTRAINT summed_days_once UNIQUE (provider, starts_at, ends_at),
    CONSTRAINT summed_days_have_length CHECK (starts_at < ends_at),
    CONSTRAINT summed_days_are_whole CHECK ((seen IS NULL) = (summed_at IS NULL))
)
""",
    "CREATE INDEX summed_days_by_end ON summed_days (ends_at)",
    # By game, and in all, where the game is empty.
    """
CREATE TABLE day_figures (
    day_id     bigint NOT NULL REFERENCES summed_days,
    by_game    boolean NOT NULL,
    side       text NOT NULL CHECK (side IN ('ours', 'theirs')),
    game       text NOT NULL CHECK (by_game OR game = ''),
    currency   text NOT NULL,
    rounds     bigint NOT NULL,
    bets       bigint NOT NULL,
    wins       bigint NOT NULL,
    rollbacks  bigint NOT NULL,
    stake      bigint NOT NULL,
    payout     bigint NOT NULL,
    CONSTRAINT day_figures_pkey PRIMARY KEY (day_id, by_game, side, game, currency)
)
""",
    """
CREATE TABLE day_changes (
    day_id     bigint NOT NULL,
    changed    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    of_breaks  boolean NOT NULL               -- only what became of breaks, not the books
)
""",
    "CREATE INDEX day_changes_by_day ON day_changes (day_id)",
    # Our rounds of a kept day that the provider has not reported: a record that does so later
    # gives its round a game. It is found here instead of among all rounds.
    """
CREATE TABLE day_unreported_rounds (
    day_id     bigint NOT NULL REFERENCES summed_days,
    match_key  bigint NOT NULL,
    CONSTRAINT day_unreported_rounds_pkey PRIMARY KEY (match_key, day_id)
)
""",
    "CREATE INDEX day_unreported_rounds_by_day ON day_unreported_rounds (day_id)",
)
# A transaction marks a day unless the day is marked already and was not added up since: who
# adds up waits for every transaction that may have seen such a mark.
_MARK = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER AS $$
DECLARE
    newest timestamptz;
    unlisted text[];
BEGIN
    SELECT max(ends_at) INTO newest FROM summed_days;
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    {prepare}
    INSERT INTO day_changes (day_id, of_breaks)
    SELECT d.day_id, {of_breaks} FROM summed_days d
     WHERE d.day_id IN (
           SELECT t.day_id FROM ({instants}) AS i (provider, at)
             JOIN summed_days t ON t.provider = i.provider
              AND t.starts_at <= i.at AND t.ends_at > i.at
            WHERE i.at < newest)
       AND NOT EXISTS (
           SELECT FROM day_changes c
            WHERE c.day_id = d.day_id AND ({of_breaks} OR NOT c.of_breaks)
              AND CASE WHEN d.seen IS NULL THEN c.changed = pg_current_xact_id()
                       ELSE NOT pg_visible_in_snapshot(c.changed, d.seen) END);
    RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {rows}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}()
"""
# Whoever writes the rows need not have a right to the marks.
_DEFINED = """
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION {name}() SET search_path = %I, pg_temp', current_schema());
END $$
"""
# The games that the provider's records name for the round of a break, as of the run that saw
# it last: a list of breaks by game would look every break's records up.
_GAMES = (
    "ALTER TABLE breaks ADD COLUMN games text[] NOT NULL DEFAULT '{}'",
    """
CREATE FUNCTION breaks_name_games() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.games := ARRAY(SELECT DISTINCT f.game FROM feed_records f
                        WHERE f.match_key = NEW.match_key AND f.provider = NEW.provider
                          AND f.game IS NOT NULL ORDER BY f.game);
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER breaks_name_games BEFORE INSERT OR UPDATE OF last_seen ON breaks
    FOR EACH ROW EXECUTE FUNCTION breaks_name_games()
""",
    "UPDATE breaks SET last_seen = last_seen",
    "CREATE INDEX breaks_by_game ON breaks USING gin (games)",
)
_ROWS = {
    "INSERT": ("NEW TABLE AS written", ("written",)),
    "UPDATE": ("OLD TABLE AS was NEW TABLE AS written", ("was", "written")),
    "DELETE": ("OLD TABLE AS was", ("was",)),
}
_OF_ROUNDS = "SELECT provider, first_at FROM {rows}"
# A rolled back record undoes the others of its round, on whatever day they count.
_OF_RECORDS = """
SELECT provider, created_at FROM {rows}
 UNION ALL
SELECT f.provider, f.created_at FROM {rows} x
  JOIN feed_records f ON f.match_key = x.match_key AND f.provider = x.provider
 WHERE x.rolled_back
"""
# A record also gives its round a game, whatever the day of the round: a new record, if it is
# not the first of its round, or if the round is listed as unreported.
_UNLISTED = """
SELECT array_agg(DISTINCT provider) INTO unlisted FROM summed_days WHERE NOT lists_unreported;
"""
_NAMED_BY_NEW = """
SELECT r.provider, r.first_at FROM written x
  JOIN rounds r ON r.match_key = x.match_key AND r.provider = x.provider
 WHERE x.continues OR x.provider = ANY(unlisted)
 UNION ALL
SELECT d.provider, d.starts_at FROM written x
  JOIN day_unreported_rounds u ON u.match_key = x.match_key
  JOIN summed_days d ON d.day_id = u.day_id AND d.provider = x.provider
"""
_NAMED_BY_CHANGED = """
SELECT r.provider, r.first_at
  FROM (SELECT o.provider, k.match_key
          FROM was o JOIN written n USING (provider, record_id, occurrence)
         CROSS JOIN LATERAL (VALUES (o.match_key), (n.match_key)) AS k (match_key)
         WHERE (o.game, o.match_key) IS DISTINCT FROM (n.game, n.match_key)) x
  JOIN rounds r ON r.match_key = x.match_key AND r.provider = x.provider
"""
_NAMED_BY_GONE = """
SELECT r.provider, r.first_at FROM was x
  JOIN rounds r ON r.match_key = x.match_key AND r.provider = x.provider
"""
# A round counts as resolved by what became of its breaks. One that matches by attributes has
# another name at the provider, and begins within the hour.
_OF_BREAKS = """
SELECT b.provider, b.at + a.apart
  FROM (SELECT provider, coalesce(began_at, first_seen) AS at FROM ({breaks}) AS s) AS b
 CROSS JOIN (VALUES (interval '-1 hour'), (interval '0'), (interval '1 hour')) AS a (apart)
 UNION ALL
SELECT r.provider, r.first_at FROM ({breaks}) AS b
  JOIN rounds r ON r.match_key = b.match_key AND r.provider = b.provider
 UNION ALL
SELECT f.provider, f.created_at FROM ({breaks}) AS b
  JOIN feed_records f ON f.match_key = b.match_key AND f.provider = b.provider
"""
# A rolled back record undoes those of its player, whom a handle names.
_OF_HANDLES = """
SELECT f.provider, f.created_at
  FROM feed_records u JOIN feed_records f USING (match_key, provider)
 WHERE u.rolled_back AND (u.provider, u.handle) IN (
       SELECT provider, handle FROM written
        UNION SELECT provider, player FROM written
        UNION
       SELECT h.provider, h.handle FROM written w JOIN handles h USING (provider, player))
"""
_CLEARED = """
SELECT n.* FROM was o JOIN written n USING (break_id)
 WHERE (o.cleared_at, o.began_at) IS DISTINCT FROM (n.cleared_at, n.began_at)
"""
_MOVED = """
SELECT b.* FROM was o JOIN written n USING (break_id) JOIN breaks b USING (break_id)
 WHERE (o.state, o.since) IS DISTINCT FROM (n.state, n.since)
"""


def upgrade() -> None:
    for statement in (*_TABLES, *_GAMES):
        op.execute(statement)
    for event in ("INSERT", "UPDATE"):
        _mark("rounds", event, _of_rows(_OF_ROUNDS, event))
    _mark("handles", "INSERT", _OF_HANDLES)
    named = {"INSERT": _NAMED_BY_NEW, "UPDATE": _NAMED_BY_CHANGED, "DELETE": _NAMED_BY_GONE}
    for event, rounds in named.items():
        instants = f"{_of_rows(_OF_RECORDS, event)} UNION ALL {rounds}"
        _mark("feed_records", event, instants, prepare=_UNLISTED if event == "INSERT" else "")
    of_breaks = _OF_BREAKS.format
    _mark("breaks", "INSERT", of_breaks(breaks="SELECT * FROM written"), of_breaks=True)
    _mark("breaks", "UPDATE", of_breaks(breaks=_CLEARED), of_breaks=True)
    _mark("break_workflows", "UPDATE", of_breaks(breaks=_MOVED), of_breaks=True)


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")


def _of_rows(instants: str, event: str) -> str:
    """The instants of the rows before and after a change."""
    _, tables = _ROWS[event]
    return " UNION ALL ".join(instants.format(rows=table) for table in tables)


def _mark(
    table: str, event: str, instants: str, *, of_breaks: bool = False, prepare: str = ""
) -> None:
    """Mark the days that a statement changed."""
    name = f"{table}_mark_days_on_{event.lower()}"
    op.execute(
        _MARK.format(
            name=name,
            prepare=prepare,
            instants=instants,
            of_breaks=str(of_breaks).lower(),
        )
    )
    op.execute(_DEFINED.format(name=name))
    rows, _ = _ROWS[event]
    op.execute(_TRIGGER.format(name=name, event=event, table=table, rows=rows))
