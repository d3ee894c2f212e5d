-- What lists of breaks filter and order by, in a narrow table: a row of breaks holds both sides of its
-- round and is many times as wide. Triggers write it, so no role has a right to.

-- Nobody writes a break between the first fill and the triggers. Readers wait, too: indexes that they
-- use are dropped at the end, and who reads before writing would wait for this lock with one in hand.
LOCK TABLE breaks, break_workflows IN ACCESS EXCLUSIVE MODE;

-- Columns of fixed width come first, and the longest text last: a row is read up to what is asked.
CREATE TABLE listed_breaks (
    opened_at   timestamptz NOT NULL,
    difference  bigint NOT NULL,
    began_at    timestamptz,
    cleared_at  timestamptz,
    state       text NOT NULL,
    provider    text NOT NULL,
    kind        text NOT NULL,
    impact      text NOT NULL,
    currency    text NOT NULL,
    assignee    text,
    player      text,
    round_id    text NOT NULL,
    alias       text NOT NULL,
    games       text[] NOT NULL,
    break_id    text PRIMARY KEY,
    words       text NOT NULL
) WITH (fillfactor = 90);
INSERT INTO listed_breaks (opened_at, difference, began_at, cleared_at, state, provider, kind, impact,
                           currency, assignee, player, round_id, alias, games, break_id, words)
SELECT l.opened_at, b.difference, b.began_at, b.cleared_at, l.state, b.provider, b.kind, b.impact,
       b.currency, l.assignee, b.player, b.round_id, b.alias, b.games, b.break_id, b.words
  FROM breaks b JOIN break_workflows l USING (break_id);

-- The order of each list, of all breaks and of those that are not closed: a page reads no more than it
-- shows.
CREATE INDEX listed_breaks_by_money ON listed_breaks ((-abs(difference)), opened_at, break_id);
CREATE INDEX listed_breaks_by_age ON listed_breaks (opened_at, break_id);
CREATE INDEX listed_breaks_open_by_money ON listed_breaks ((-abs(difference)), opened_at, break_id)
    WHERE state <> 'closed';
CREATE INDEX listed_breaks_open_by_age ON listed_breaks (opened_at, break_id)
    WHERE state <> 'closed';
CREATE INDEX listed_breaks_by_day ON listed_breaks (began_at);
CREATE INDEX listed_breaks_by_assignee ON listed_breaks (assignee) WHERE assignee IS NOT NULL;
CREATE INDEX listed_breaks_by_player ON listed_breaks (player);
-- Hashes, because names of rounds may be as long as a page.
CREATE INDEX listed_breaks_by_round ON listed_breaks USING hash (round_id);
CREATE INDEX listed_breaks_by_alias ON listed_breaks USING hash (alias) WHERE alias <> '';
CREATE INDEX listed_breaks_by_game ON listed_breaks USING gin (games);
ANALYZE listed_breaks;

-- A break gets its workflow as soon as it is stored, and is listed with it.
CREATE FUNCTION break_workflows_list_breaks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO listed_breaks (opened_at, difference, began_at, cleared_at, state, provider, kind,
                               impact, currency, assignee, player, round_id, alias, games, break_id,
                               words)
    SELECT l.opened_at, b.difference, b.began_at, b.cleared_at, l.state, b.provider, b.kind, b.impact,
           b.currency, l.assignee, b.player, b.round_id, b.alias, b.games, b.break_id, b.words
      FROM written l JOIN breaks b USING (break_id);
    RETURN NULL;
END $$;
CREATE TRIGGER break_workflows_list_breaks AFTER INSERT ON break_workflows
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION break_workflows_list_breaks();

-- Each run writes every break that it still finds; only what is another one now is written here. The
-- row is compared with the one that is listed, not with the old one: a plan that was made for one row
-- would compare all old with all new ones.
CREATE FUNCTION breaks_change_lists() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE listed_breaks t
       SET difference = b.difference, began_at = b.began_at, cleared_at = b.cleared_at, kind = b.kind,
           impact = b.impact, currency = b.currency, player = b.player, round_id = b.round_id,
           alias = b.alias, games = b.games, words = b.words
      FROM written b
     WHERE t.break_id = b.break_id
       AND (t.difference, t.began_at, t.cleared_at, t.kind, t.impact, t.currency, t.player,
            t.round_id, t.alias, t.games, t.words)
           IS DISTINCT FROM
           (b.difference, b.began_at, b.cleared_at, b.kind, b.impact, b.currency, b.player,
            b.round_id, b.alias, b.games, b.words);
    RETURN NULL;
END $$;
CREATE TRIGGER breaks_change_lists AFTER UPDATE ON breaks
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION breaks_change_lists();

CREATE FUNCTION break_workflows_change_lists() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE listed_breaks t
       SET state = l.state, assignee = l.assignee, opened_at = l.opened_at
      FROM written l
     WHERE t.break_id = l.break_id
       AND (t.state, t.assignee, t.opened_at)
           IS DISTINCT FROM (l.state, l.assignee, l.opened_at);
    RETURN NULL;
END $$;
CREATE TRIGGER break_workflows_change_lists AFTER UPDATE ON break_workflows
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION break_workflows_change_lists();

-- Whoever writes a break needs no right to the list.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['break_workflows_list_breaks', 'breaks_change_lists',
                                'break_workflows_change_lists'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;

-- Only lists used these.
DROP INDEX breaks_by_money, breaks_by_day, breaks_by_player, breaks_by_round_id, breaks_by_alias,
           breaks_by_game;
DROP INDEX break_workflows_by_age;
