"""Post accepted batches: double entries and rounds, in bulk, exactly once in effect.

Any number of workers may post at once: each locks unposted batches with SKIP LOCKED. The
primary key of an entry is its operation's chain position, so an operation cannot be posted
twice. Rounds are sums, so the order in which batches are posted does not matter; a worker that
posts into an ended round sweeps the rest of its clearing. Each wallet has its own row for a
round: players who share a round share its id and no sum.

A batch may have come in while its round left for an archive. It is not parked: the round is
asked for, and the batch is posted once it is back; others are posted meanwhile.

Tables touched: ``batches`` (locked, marked), ``operations`` (read), ``entries`` (written),
``rounds`` (added to), ``parked`` (batches, with the reason), ``recalls`` (rounds to come back).

Every function that posts raises Unavailable if the database is out of reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DataError, IntegrityError, InternalError

from ledger.enums import OWN_SLUG
from ledger.posting.rules import SWEEP_CLEARING_LEG, SWEEP_GGR_LEG
from ledger.posting.rules_sql import legs_sql
from storage.queue.parking import cause_of, park
from storage.transactions import engine_at, outages
from vocabulary import fault_points
from vocabulary.fault_points import Step

#: Most batches posted in one transaction; a batch holds up to a few hundred operations.
BATCHES_PER_POSTING = 100
#: Most operations named in the context of a parked batch, in chain order.
KEYS_NAMED_MAX = 50
#: Name of the job in ``parked``.
JOB = "post.v1"

_INVARIANT_BROKEN = (IntegrityError, DataError, InternalError)
#: The guard of ``rounds`` that keeps a round from being added to while its rows are away.
_AWAY_GUARD = "rounds_are_not_away"

_LOCK = """
SELECT batch_id FROM batches
 WHERE posted_at IS NULL AND parked_at IS NULL
   AND batch_id <> ALL(CAST(:waiting AS bigint[]))
 ORDER BY batch_id LIMIT :limit FOR UPDATE SKIP LOCKED
"""

_ENTRIES = f"""
INSERT INTO entries
       (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount)
SELECT o.wallet_id, o.wallet_seq, l.leg, l.account, o.provider, o.match_key, o.currency,
       l.amount
  FROM operations o
 CROSS JOIN LATERAL ({legs_sql()}) AS l
 WHERE o.batch_id = ANY(CAST(:batches AS bigint[])) AND o.decision = 'accepted'
"""  # noqa: S608 - our own rules, rendered

_FROM_OPERATIONS = f"""
 FROM operations o
WHERE o.batch_id = ANY(CAST(:batches AS bigint[])) AND o.decision = 'accepted'
  AND o.provider <> '{OWN_SLUG}'
"""

# An operation that ends its round at once, or that a fund pays, never was in the clearing and
# counts as swept. Sums, greatest and least do not depend on the order: a round that is ended
# twice with different totals is the same whoever posts last. Rows are written in primary key
# order, so that two workers adding to the same rounds wait for each other and do not deadlock.
# Returned are the ended rounds whose clearing is not empty; most callbacks leave none.
_ROUNDS = f"""
WITH added AS (
INSERT INTO rounds AS r
       (match_key, provider, round_id, wallet_id, currency, stake, payout, swept,
        bets, wins, rollbacks, ended, declared_stake, declared_payout, first_at, last_at)
SELECT o.match_key, o.provider, o.round_id, o.wallet_id, min(o.currency),
       sum(o.stake), sum(o.payout),
       coalesce(sum(o.stake - o.payout) FILTER (WHERE o.ends_round OR o.fund <> 'cash'), 0),
       count(*) FILTER (WHERE o.kind IN ('bet', 'bet_and_win')),
       count(*) FILTER (WHERE o.kind IN ('win', 'bet_and_win')),
       count(*) FILTER (WHERE o.kind = 'rollback'),
       bool_or(o.ends_round), max(o.declared_stake), max(o.declared_payout),
       min(o.received_at), max(o.received_at)
{_FROM_OPERATIONS}
 GROUP BY o.match_key, o.provider, o.round_id, o.wallet_id
 ORDER BY o.match_key, o.provider, o.round_id, o.wallet_id
ON CONFLICT (match_key, provider, round_id, wallet_id) DO UPDATE
   SET stake = r.stake + EXCLUDED.stake,
       payout = r.payout + EXCLUDED.payout,
       swept = r.swept + EXCLUDED.swept,
       bets = r.bets + EXCLUDED.bets,
       wins = r.wins + EXCLUDED.wins,
       rollbacks = r.rollbacks + EXCLUDED.rollbacks,
       ended = r.ended OR EXCLUDED.ended,
       declared_stake = greatest(EXCLUDED.declared_stake, r.declared_stake),
       declared_payout = greatest(EXCLUDED.declared_payout, r.declared_payout),
       first_at = least(r.first_at, EXCLUDED.first_at),
       last_at = greatest(r.last_at, EXCLUDED.last_at)
RETURNING r.match_key, r.provider, r.round_id, r.wallet_id, r.currency, r.ended,
          r.stake - r.payout - r.swept AS due
)
SELECT match_key, provider, round_id, wallet_id, currency, due FROM added
 WHERE ended AND due <> 0
"""  # noqa: S608 - constants of this module

# The two entries of a sweep join the transaction of the last operation that this posting adds
# to the round. Rounds and operations meet in one aggregate: a join could turn into one over all
# pairs, or over a wallet's whole chain, where statistics are missing.
_SWEEP = f"""
WITH due AS (
  SELECT match_key, provider, round_id, wallet_id, max(currency) AS currency,
         max(amount) AS amount, max(wallet_seq) AS wallet_seq
    FROM (SELECT o.match_key, o.provider, o.round_id, o.wallet_id, NULL AS currency,
                 NULL::bigint AS amount, o.wallet_seq
          {_FROM_OPERATIONS}
           UNION ALL
          SELECT q.*, NULL
            FROM unnest(CAST(:match_key AS bigint[]), CAST(:provider AS text[]),
                        CAST(:round_id AS text[]), CAST(:wallet_id AS bigint[]),
                        CAST(:currency AS text[]), CAST(:due AS bigint[])) AS q) parts
   GROUP BY match_key, provider, round_id, wallet_id HAVING count(amount) > 0
), swept AS (
  UPDATE rounds r SET swept = r.swept + due.amount FROM due
   WHERE r.match_key = due.match_key AND r.provider = due.provider
     AND r.round_id = due.round_id AND r.wallet_id = due.wallet_id
)
INSERT INTO entries
       (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount)
SELECT due.wallet_id, due.wallet_seq, l.leg, l.account, due.provider, due.match_key,
       due.currency, l.amount
  FROM due
 CROSS JOIN LATERAL (
       SELECT {SWEEP_CLEARING_LEG}, 'provider_clearing'::account_kind, -due.amount UNION ALL
       SELECT {SWEEP_GGR_LEG}, 'ggr'::account_kind, due.amount) AS l (leg, account, amount)
"""  # noqa: S608 - constants of this module

_MARK_POSTED = """
UPDATE batches SET posted_at = clock_timestamp()
 WHERE batch_id = ANY(CAST(:batches AS bigint[]))
"""
_BATCH_OPERATIONS = """
SELECT provider, op_key, kind::text AS kind, wallet_id, wallet_seq FROM operations
 WHERE batch_id = :batch ORDER BY wallet_id, wallet_seq LIMIT :limit
"""
_WANT_ROUNDS = """
INSERT INTO recalls (kind, provider, name, hash, wanted_by)
SELECT DISTINCT 'round', o.provider, o.round_id, o.match_key, 'posting' FROM operations o
 WHERE o.batch_id = :batch AND o.decision = 'accepted'
   AND is_round_away(o.provider, o.round_id, o.match_key)
ON CONFLICT (provider, kind, name) WHERE came_at IS NULL DO NOTHING
"""
_PARK_BATCH = "UPDATE batches SET parked_at = clock_timestamp() WHERE batch_id = :batch"


@dataclass(frozen=True, slots=True)
class PostingCounts:
    """The result of posting: batches posted, entries written, batches parked.

    Attributes:
        waiting: batches that wait for rounds to come back from an archive.
    """

    batches: int
    entries: int
    parked: int
    waiting: int = 0


def post(engine: Engine, *, limit: int = BATCHES_PER_POSTING) -> PostingCounts:
    """Post up to ``limit`` unposted batches, oldest first, in one transaction.

    If one of the batches breaks an invariant, they are posted one by one, and the batch that
    fails is parked with its reason, or waits for its round.

    Raises:
        Unavailable: the database is out of reach; batches not posted stay to be posted.
    """
    with outages("posting"):
        return _post_together(engine, limit)


def post_all(engine: Engine) -> int:
    """Post until no batch is left to post; returns the number of batches posted."""
    total = 0
    while (posted := post(engine)).batches or posted.parked:
        total += posted.batches
    return total


def post_all_at(database_url: str) -> int:
    """``post_all`` with an engine of its own."""
    with engine_at(database_url) as engine:
        return post_all(engine)


def _post_together(engine: Engine, limit: int) -> PostingCounts:
    try:
        with engine.begin() as connection:
            batches = _lock_batches(connection, limit)
            posted = PostingCounts(len(batches), _post(connection, batches), 0)
    except _INVARIANT_BROKEN:
        return _post_singly(engine, limit)
    if posted.batches:
        fault_points.reached(Step.POSTED)
    return posted


def _lock_batches(connection: Connection, limit: int, waiting: Sequence[int] = ()) -> list[int]:
    rows = connection.execute(text(_LOCK), {"limit": limit, "waiting": list(waiting)})
    return [row[0] for row in rows]


def _post(connection: Connection, batches: Sequence[int]) -> int:
    if not batches:
        return 0
    parameters = {"batches": list(batches)}
    fault_points.reached(Step.LOCKED)
    entries = connection.execute(text(_ENTRIES), parameters).rowcount
    fault_points.reached(Step.ENTRIES_WRITTEN)
    due = connection.execute(text(_ROUNDS), parameters).all()
    fault_points.reached(Step.ROUNDS_WRITTEN)
    entries += _sweep(connection, batches, due) if due else 0
    fault_points.reached(Step.SWEPT)
    connection.execute(text(_MARK_POSTED), parameters)
    fault_points.reached(Step.MARKED)
    return entries


def _sweep(connection: Connection, batches: Sequence[int], due: Sequence[Row[Any]]) -> int:
    """Move what is left in the clearing of ended rounds to GGR; returns the entries written.

    Args:
        connection: has locked these rounds.
        batches: what is posted, of which each round has an operation.
        due: the rounds, as ``_ROUNDS`` returns them.
    """
    columns = zip(*due, strict=True)
    names = ("match_key", "provider", "round_id", "wallet_id", "currency", "due")
    rounds = {name: list(column) for name, column in zip(names, columns, strict=True)}
    return connection.execute(text(_SWEEP), {"batches": list(batches), **rounds}).rowcount


def _post_singly(engine: Engine, limit: int) -> PostingCounts:
    """Post batches one by one, until one is parked or none is left."""
    batches, entries = 0, 0
    waiting: list[int] = []
    for _ in range(limit):
        posted = _post_or_park_one(engine, waiting)
        batches, entries = batches + posted.batches, entries + posted.entries
        if posted.parked or not (posted.batches or posted.waiting):
            return PostingCounts(batches, entries, posted.parked, len(waiting))
    return PostingCounts(batches, entries, 0, len(waiting))


def _post_or_park_one(engine: Engine, waiting: list[int]) -> PostingCounts:
    """Post the oldest batch that is not waiting; one whose round is away waits from now on."""
    with engine.begin() as connection:
        batches = _lock_batches(connection, 1, waiting)
        try:
            with connection.begin_nested():
                return PostingCounts(len(batches), _post(connection, batches), 0)
        except _INVARIANT_BROKEN as error:
            (batch,) = batches
            if cause_of(error).name == _AWAY_GUARD:
                connection.execute(text(_WANT_ROUNDS), {"batch": batch})
                waiting.append(batch)
                return PostingCounts(0, 0, 0, waiting=1)
            _park(connection, batch, error)
            return PostingCounts(0, 0, 1)


def _park(connection: Connection, batch: int, error: Exception) -> None:
    connection.execute(text(_PARK_BATCH), {"batch": batch})
    parameters = {"batch": batch, "limit": KEYS_NAMED_MAX}
    rows = connection.execute(text(_BATCH_OPERATIONS), parameters)
    operations = [dict(row._mapping) for row in rows]
    context = {"batch": batch, "operations": operations}
    park(connection, job=JOB, subject=f"batch {batch}", error=error, context=context)
