"""The statements that fill the books of ``benchmarks.console``."""

#: Before anything is filled: what a round is, by its number.
BEFORE = (
    "CREATE UNLOGGED TABLE plan (n bigint, match_key bigint)",
    """
CREATE TABLE plan_terms (
    slugs text[], zones text[], kinds text[], start timestamptz, now timestamptz,
    every bigint, rounds bigint, records bigint, step bigint, heavy bigint, light bigint,
    days integer,
    stakes bigint[] DEFAULT '{100,200,50,100,400,20,150,100}',
    payouts bigint[] DEFAULT '{150,0,0,0,900,60,0,0}',
    sums bigint[] DEFAULT '{0,50,-150,-200,-300,200,240,90}'
)
""",
    """
CREATE VIEW planned AS
SELECT p.n, p.match_key, t.slugs[1 + s.slug] AS provider, s.slug AS slug_no,
       (1000000000000000000 + p.n * 7919)::text AS round_id,
       w.wallet, w.r, f.m, f.m * t.stakes[1 + w.r % 8] AS stake,
       f.m * t.payouts[1 + w.r % 8] AS payout,
       10000000000 + f.m * (w.r / 8 * -10 + t.sums[1 + w.r % 8]) AS balance,
       1 + w.r + (w.r + 15) / 16 AS seq, w.r % 16 = 0 AS in_two,
       2 + p.n / 50 AS batch, t.start + p.n * t.every * interval '1 microsecond' AS at,
       (ARRAY['USD', 'EUR', 'JPY', 'GBP'])[1 + w.wallet % 4] AS currency,
       'player-' || lpad((w.wallet - (w.wallet % 20 = 0)::integer)::text, 7, '0') AS player,
       p.n < t.records AS has_record, b.break_no,
       CASE WHEN b.break_no IS NOT NULL THEN CASE WHEN b.break_no % 3 = 0 THEN 'payout_mismatch'
            ELSE t.kinds[1 + b.break_no / 3 % cardinality(t.kinds)] END END AS kind,
       b.break_no * 37 % 5000 + 1 AS differs
  FROM plan p CROSS JOIN plan_terms t
 CROSS JOIN LATERAL (SELECT (p.n / 3 % 4)::integer AS slug, p.n - p.n / 10 - 1 AS j) s
 CROSS JOIN LATERAL (
     SELECT CASE WHEN p.n % 10 = 0 THEN 1 + p.n / 10 % t.heavy
                 ELSE t.heavy + 1 + s.j % t.light END AS wallet,
            CASE WHEN p.n % 10 = 0 THEN p.n / 10 / t.heavy ELSE s.j / t.light END AS r) w
 CROSS JOIN LATERAL (SELECT 1 + w.wallet * 31 % 97 AS m) f
 CROSS JOIN LATERAL (
     SELECT CASE WHEN p.n % t.step = t.step / 2 THEN p.n / t.step END AS break_no) b
""",
)
STEP = """
INSERT INTO plan_terms (slugs, zones, kinds, start, now, every, rounds, records, step, heavy,
                        light, days)
VALUES (%(slugs)s, %(zones)s, %(kinds)s, %(start)s, %(now)s, %(every)s, %(rounds)s, %(records)s,
        %(step)s, %(heavy)s, %(light)s, %(days)s)
"""

_OPERATION = """
       provider, op_key, kind::operation_kind, 'accepted'::operation_decision, currency, stake,
       payout, amount, balance_after, round_id, match_key, ends_round,
       decode(md5(op_key), 'hex'), 'game', 'content-type: application/json',
       convert_to(format('{"id":"%s","round":"%s","player":"%s","bet":%s,"win":%s,"at":"%s"}',
                         op_key, round_id, player, stake, payout, at), 'UTF8'), 200,
       convert_to(format('{"status":"ok","balance":%s}', balance_after), 'UTF8'), at, at
"""
_COLUMNS = """
       (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision, currency, stake,
        payout, amount, balance_after, round_id, match_key, ends_round, fingerprint, route,
        headers, body, reply_status, reply, occurred_at, received_at)
"""
#: By table, in order; {legs} are the posting rules.
TABLES = {
    "players": """
INSERT INTO players (player, created_at)
SELECT DISTINCT 'player-' || lpad((n - (n % 20 = 0)::integer)::text, 7, '0'), t.start
  FROM plan_terms t, generate_series(1, t.heavy + t.light) n
""",
    "handles": """
INSERT INTO handles (provider, handle, player)
SELECT slug, left(slug, 2) || '-' || right(player, 7), player FROM players, plan_terms,
       unnest(slugs) slug
""",
    "operations": f"""
TRUNCATE operations;
INSERT INTO operations {_COLUMNS}
SELECT n, 1, 1, 'tieout', 'dep-' || n, 'deposit', 'accepted',
       (ARRAY['USD', 'EUR', 'JPY', 'GBP'])[1 + n % 4], 0, 0, 10000000000, 10000000000, '', 0,
       false, '', 'tieout', '', '', 200, '', t.start, t.start
  FROM plan_terms t, generate_series(1, t.heavy + t.light) n;
INSERT INTO operations {_COLUMNS}
SELECT wallet, seq + 1, batch, {_OPERATION}
  FROM (SELECT wallet, seq, batch, provider, 'b' || round_id AS op_key,
               CASE WHEN in_two THEN 'bet' ELSE 'bet_and_win' END AS kind, currency, stake,
               CASE WHEN in_two THEN 0 ELSE payout END AS payout,
               CASE WHEN in_two THEN 0 ELSE payout END - stake AS amount,
               balance - stake + CASE WHEN in_two THEN 0 ELSE payout END AS balance_after,
               round_id, match_key, NOT in_two AS ends_round, player, at FROM planned) o;
INSERT INTO operations {_COLUMNS}
SELECT wallet, seq + 2, batch, {_OPERATION}
  FROM (SELECT wallet, seq, batch, provider, 'w' || round_id AS op_key, 'win' AS kind, currency,
               0 AS stake, payout, payout AS amount, balance - stake + payout AS balance_after,
               round_id, match_key, true AS ends_round, player, at FROM planned WHERE in_two) o
""",
    "batches": """
INSERT INTO batches (batch_id, committed_at, operations, posted_at) OVERRIDING SYSTEM VALUE
SELECT batch_id, max(received_at), count(*), max(received_at) + interval '1 second'
  FROM operations GROUP BY batch_id;
SELECT setval(pg_get_serial_sequence('batches', 'batch_id'), max(batch_id)) FROM batches
""",
    "wallets": """
INSERT INTO wallets (wallet_id, player, currency, balance, seq, turnover)
OVERRIDING SYSTEM VALUE
SELECT w.wallet, 'player-' || lpad((w.wallet - (w.wallet % 20 = 0)::integer)::text, 7, '0'),
       (ARRAY['USD', 'EUR', 'JPY', 'GBP'])[1 + w.wallet % 4], 10000000000 + w.amount, w.seq,
       w.turnover
  FROM (SELECT wallet_id AS wallet, sum(amount) FILTER (WHERE wallet_seq > 1) AS amount,
               max(wallet_seq) AS seq, sum(stake) AS turnover
          FROM operations GROUP BY wallet_id) w;
SELECT setval(pg_get_serial_sequence('wallets', 'wallet_id'), max(wallet_id)) FROM wallets
""",
    "entries": """
TRUNCATE entries;
INSERT INTO entries (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount,
                     posted_at)
SELECT o.wallet_id, o.wallet_seq, l.leg, l.account, o.provider, o.match_key, o.currency,
       l.amount, o.received_at
  FROM operations o CROSS JOIN LATERAL ({legs}) AS l;
INSERT INTO entries (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount,
                     posted_at)
SELECT wallet, seq + 2, l.leg, l.account::account_kind, provider, match_key, currency, l.amount,
       at
  FROM planned CROSS JOIN LATERAL (VALUES (5, 'provider_clearing', -stake), (6, 'ggr', stake))
                                 AS l (leg, account, amount)
 WHERE in_two
""",
    "rounds": """
TRUNCATE rounds;
INSERT INTO rounds (first_at, provider, match_key, wallet_id, stake, payout, swept, last_at,
                    bets, wins, rollbacks, ended, currency, round_id)
SELECT at, provider, match_key, wallet, stake, payout, stake - payout, at, 1, 1, 0, true,
       currency, round_id FROM planned
""",
    "feed_files": """
INSERT INTO feed_files (provider, feed, name, digest, size, received_at, business_day,
                        covers_from, covers_to, verdict, records, refused)
SELECT slug, 'statement', slug || '-' || day || '.csv', decode(md5(slug || day), 'hex'),
       1000000, (day + 1)::timestamp AT TIME ZONE zone + interval '6 hours', day,
       day::timestamp AT TIME ZONE zone, (day + 1)::timestamp AT TIME ZONE zone, 'imported',
       rounds / days / 4, 0
  FROM plan_terms, unnest(slugs, zones) AS s (slug, zone),
       LATERAL (SELECT (start AT TIME ZONE zone)::date + n AS day
                  FROM generate_series(1, days - 1) n) d
 WHERE slug IN ('sportsbook', 'agent_platform')
""",
    "feed_records": """
TRUNCATE feed_records;
INSERT INTO feed_records (created_at, provider, match_key, stake, payout, updated_at,
                          received_at, rolled_back, currency, record_id, round_id, handle,
                          source, declared_net, game)
SELECT at + interval '1 second', provider, match_key, stake, paid, at + interval '1 second',
       at + interval '5 minutes', coalesce(kind = 'status_mismatch', false), currency, round_id,
       round_id, left(provider, 2) || '-' || right(player, 7),
       CASE slug_no WHEN 0 THEN 'push' WHEN 3 THEN 'pull'
                    ELSE provider || '-' || (at AT TIME ZONE zones[1 + slug_no])::date || '.csv'
                    END,
       paid - stake, 'game-' || n % 40
  FROM planned CROSS JOIN plan_terms t,
       LATERAL (SELECT payout + CASE WHEN kind = 'payout_mismatch' THEN differs ELSE 0 END
                           AS paid) d
 WHERE has_record AND kind IS DISTINCT FROM 'missing_at_provider'
""",
    "feed_versions": """
TRUNCATE feed_versions;
INSERT INTO feed_versions (provider, record_id, updated_at, content, raw, source, received_at)
SELECT provider, record_id, updated_at, decode(md5(record_id), 'hex'),
       convert_to(format('{"id":"%s","handle":"%s","bet":%s,"win":%s,"at":"%s"}', record_id,
                         handle, stake, payout, created_at), 'UTF8'), source, received_at
  FROM feed_records
""",
    "deliveries": """
INSERT INTO deliveries (batch_id, provider, route, op_key, verdict, headers, body, reply_status,
                        reply, received_at, ingested_at)
SELECT batch, provider, 'game', 'b' || round_id,
       (ARRAY['repeated', 'conflict', 'refused', 'recorded'])[1 + n / 100 % 4], '',
       convert_to('{"id":"b' || round_id || '"}', 'UTF8'), 200, '{}', at,
       CASE WHEN n / 100 % 4 = 3 THEN at END
  FROM planned WHERE n % 100 = 0
""",
    "feed_findings": """
INSERT INTO feed_findings (finding_id, provider, feed, scope, kind, severity, file, line,
                           record_id, round_id, currency, detail, first_seen, last_seen,
                           resolved_at)
SELECT 'fnd-' || left(md5(round_id), 20), provider, 'statement', 'scope-' || n / 50000,
       'withdrawn_record', CASE WHEN n % 3 = 0 THEN 'error' ELSE 'warning' END, 'file.csv', n,
       round_id, round_id, currency, 'a line was left out', at, at,
       CASE WHEN n % 4 > 0 THEN at END
  FROM planned WHERE break_no % 100 = 1
""",
}

#: After one run was made: its like for every other day, breaks, and what people did.
AFTER = (
    """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
SELECT 'run-' || left(md5(slug || day), 20), slug, day::timestamp AT TIME ZONE zone,
       (day + 1)::timestamp AT TIME ZONE zone,
       (day + 1)::timestamp AT TIME ZONE zone + interval '8 hours',
       (day + 1)::timestamp AT TIME ZONE zone + interval '8 hours 1 minute', r.result,
       r.manifest, true
  FROM plan_terms CROSS JOIN unnest(slugs, zones) AS s (slug, zone)
 CROSS JOIN LATERAL (SELECT (start AT TIME ZONE zone)::date + n AS day
                       FROM generate_series(1, days - 1) n) d
  JOIN runs r ON r.run_id = %(run_id)s
""",
    """
INSERT INTO breaks (break_id, run_id, provider, kind, impact, player, currency, round_id,
                    match_key, ours, theirs, difference, explanation, first_seen, last_seen,
                    cleared_at, began_at, alias, evidence)
SELECT 'brk-' || left(md5(p.round_id), 20),
       'run-' || left(md5(provider || day), 20), provider, kind,
       CASE WHEN d.minor > 0 THEN 'player_owed' WHEN d.minor < 0 THEN 'operator_owed'
            ELSE 'none' END, player, currency, p.round_id, match_key,
       jsonb_build_object('stake', stake::text, 'payout', payout::text, 'player', player,
                          'currency', currency, 'at', at),
       CASE WHEN kind <> 'missing_at_provider' THEN
       jsonb_build_object('stake', stake::text, 'payout', (payout + d.minor)::text,
                          'player', player, 'currency', currency, 'at', at) END,
       d.minor, 'Our ledger paid ' || payout || ' for round ' || p.round_id || '; ' || provider
                || ' reports ' || payout + d.minor || '.',
       at + interval '1 day', at + interval '2 days',
       CASE WHEN break_no %% 10 > 6 THEN at + interval '3 days' END, at,
       CASE WHEN break_no %% 9 = 0 THEN 'alias-' || break_no ELSE '' END,
       jsonb_build_object('operations', jsonb_build_array('b' || p.round_id))
  FROM planned p CROSS JOIN plan_terms t
 CROSS JOIN LATERAL (SELECT (at AT TIME ZONE t.zones[1 + slug_no])::date AS day,
                            CASE kind WHEN 'payout_mismatch' THEN differs
                                      WHEN 'missing_at_provider' THEN stake - payout
                                      WHEN 'status_mismatch' THEN stake - payout
                                      WHEN 'duplicate_at_provider' THEN 0
                                      ELSE differs * (1 - break_no %% 2 * 2) END AS minor) d
 WHERE kind IS NOT NULL AND EXISTS (SELECT FROM runs
                                     WHERE run_id = 'run-' || left(md5(provider || day), 20))
ON CONFLICT (break_id) DO NOTHING
""",
    # What the triggers make of new breaks.
    """
UPDATE breaks b SET games = ARRAY(SELECT DISTINCT f.game FROM feed_records f
                                   WHERE f.match_key = b.match_key AND f.provider = b.provider
                                     AND f.game IS NOT NULL ORDER BY f.game)
""",
    """
INSERT INTO break_workflows (break_id, state, assignee, since, opened_at, settled)
SELECT break_id, s.state, CASE WHEN s.state = 'assigned' THEN 'maria' END, first_seen,
       first_seen, CASE WHEN s.state = 'explained' THEN difference END
  FROM (SELECT *, row_number() OVER (ORDER BY first_seen) AS number FROM breaks) b
 CROSS JOIN LATERAL (
     SELECT CASE WHEN b.cleared_at IS NOT NULL THEN 'closed'
                 WHEN b.number %% 40 = 11 AND b.difference <> 0 THEN 'adjustment_proposed'
                 WHEN b.number %% 40 = 12 AND b.difference <> 0 THEN 'approved'
                 WHEN b.number %% 40 = 13 AND b.difference <> 0 THEN 'write_off_proposed'
                 WHEN b.number %% 4 = 0 THEN 'open'
                 ELSE (ARRAY['assigned', 'explained', 'waiting'])[b.number %% 4] END
                AS state) s
ON CONFLICT (break_id) DO NOTHING
""",
    """
INSERT INTO listed_breaks (opened_at, difference, began_at, cleared_at, state, provider, kind,
                           impact, currency, assignee, player, round_id, alias, games, break_id,
                           words)
SELECT l.opened_at, b.difference, b.began_at, b.cleared_at, l.state, b.provider, b.kind,
       b.impact, b.currency, l.assignee, b.player, b.round_id, b.alias, b.games, b.break_id,
       b.words
  FROM breaks b JOIN break_workflows l USING (break_id)
ON CONFLICT (break_id) DO NOTHING
""",
    """
INSERT INTO audit (at, actor, action, subject, detail)
SELECT first_seen, 'reconcile', 'break.opened', break_id,
       jsonb_build_object('run', run_id, 'kind', kind, 'after', 'open') FROM breaks
UNION ALL
SELECT first_seen + interval '1 hour', 'maria', 'break.' || state, break_id,
       jsonb_build_object('why', 'seen', 'after', jsonb_build_object('state', state))
  FROM breaks JOIN break_workflows USING (break_id) WHERE state <> 'open'
""",
    """
INSERT INTO break_notes (break_id, at, author, kind, body)
SELECT break_id, opened_at + interval '2 hours', 'maria', 'comment', 'Asked the provider.'
  FROM break_workflows WHERE state IN ('waiting', 'explained')
""",
    """
INSERT INTO adjustments (id, player, currency, amount, reason, break_id, provider, round_id,
                         side, fund, proposed_by, proposed_at, state, decided_by, decided_at,
                         proposed_eyes, decided_eyes)
SELECT 'adj-' || md5(break_id), player, currency, difference, 'as the provider reports',
       break_id, provider, round_id, 'payout', 'cash', 'maria', opened_at + interval '3 hours',
       CASE state WHEN 'approved' THEN 'approved' ELSE 'proposed' END,
       CASE state WHEN 'approved' THEN 'paul' END,
       CASE state WHEN 'approved' THEN opened_at + interval '4 hours' END, ARRAY['person:1'],
       CASE state WHEN 'approved' THEN ARRAY['person:2'] END
  FROM breaks JOIN break_workflows USING (break_id)
 WHERE state IN ('adjustment_proposed', 'approved')
""",
    """
INSERT INTO write_offs (write_off_id, break_id, provider, round_id, match_key, currency, amount,
                        reason, proposed_by, proposed_at, state, proposed_eyes)
SELECT 'wof-' || md5(break_id), break_id, provider, round_id, match_key, currency, difference,
       'too small to pursue', 'maria', opened_at + interval '3 hours', 'proposed',
       ARRAY['person:1']
  FROM breaks JOIN break_workflows USING (break_id) WHERE state = 'write_off_proposed'
""",
    """
INSERT INTO day_closes (provider, business_day, starts_at, ends_at, closed_at, close_no, run_id,
                        records, digest)
SELECT provider, (window_from AT TIME ZONE z.zone)::date, window_from, window_to, finished_at,
       nextval('feed_order'), run_id, 0, ''
  FROM runs, plan_terms CROSS JOIN LATERAL unnest(slugs, zones) AS z (slug, zone)
 WHERE z.slug = provider AND finished_at < now() AND run_id <> %(run_id)s
""",
)
