"""Many callbacks of the sportsbook, written in bulk through real tables, guards and posting.

The rows are those that a receiver writes for ``benchmarks.loads.closed_loop``: a bet and a
result of each player in turn, each a round of its own. One statement writes a hundred thousand
of them, with every constraint, index and trigger on, and ``ledger.posting`` posts them
meanwhile. ``tieout ledger verify`` proves such books. No receiver may run: it would hold
outdated wallets.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy import Connection, Engine, text

from ledger.posting.posting import post
from vocabulary.ids import match_keys

PROVIDER = "sportsbook"
#: Operations written by one statement, and in one batch: as many as a busy receiver commits.
CHUNK, BATCH = 100_000, 20
#: Batches posted in one transaction.
POSTED_TOGETHER = 500

_COUNT = "SELECT coalesce(sum(operations), 0)::bigint FROM batches"
_WALLETS = "SELECT count(*) FROM wallets WHERE currency = 'USD'"
# Each wallet gets :turns bets of 1.25 and results of 1.50, the wallets in turn.
_WRITE = """
WITH made AS (
  INSERT INTO batches (operations)
  SELECT least(:batch, :operations - n) FROM generate_series(0, :operations - 1, :batch) n
  RETURNING batch_id
), batch AS (SELECT batch_id, row_number() OVER (ORDER BY batch_id) - 1 AS number FROM made
), wallet AS (
  SELECT *, row_number() OVER (ORDER BY wallet_id) - 1 AS number FROM wallets
   WHERE currency = 'USD'
), planned AS (
  SELECT w.wallet_id, w.seq + 2 * (k.n / :wallets) + CASE WHEN is_bet THEN 1 ELSE 2 END AS seq,
         w.player, is_bet, side.match_key,
         k.n * 2 + CASE WHEN is_bet THEN 0 ELSE 1 END AS number,
         w.balance + 25 * (k.n / :wallets) + CASE WHEN is_bet THEN -125 ELSE 25 END AS balance,
         CASE WHEN is_bet THEN 'B' ELSE 'R' END || :name || '-' || k.n AS key
    FROM (SELECT bet, result, place - 1 AS n
            FROM unnest(CAST(:bets AS bigint[]), CAST(:results AS bigint[]))
                 WITH ORDINALITY AS k (bet, result, place)) k
    JOIN wallet w ON w.number = k.n % :wallets
   CROSS JOIN LATERAL (VALUES (true, k.bet), (false, k.result)) AS side (is_bet, match_key)
), written AS (
  INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
         currency, stake, payout, amount, balance_after, round_id, match_key, ends_round,
         fingerprint, route, headers, body, reply_status, reply, received_at)
  SELECT p.wallet_id, p.seq, b.batch_id, :provider, p.key,
         CASE WHEN is_bet THEN 'bet' ELSE 'win' END::operation_kind, 'accepted', 'USD',
         CASE WHEN is_bet THEN 125 ELSE 0 END, CASE WHEN is_bet THEN 0 ELSE 150 END,
         CASE WHEN is_bet THEN -125 ELSE 150 END, p.balance, p.key, p.match_key, true,
         decode(md5(p.key), 'hex'), '/transaction',
         'content-type: application/json' || chr(10) || 'x-security-hash: ' || md5(p.key)
         || md5(p.player),
         convert_to(format('{"transaction_id":"%s","action":"%s","user_id":"%s",'
                           '"currency":"USD","amount":"%s"}', p.key,
                           CASE WHEN is_bet THEN 'bet' ELSE 'result' END, p.player,
                           CASE WHEN is_bet THEN '1.25' ELSE '1.50' END), 'UTF8'), 200,
         convert_to(format('{"error"\\:null,"transaction_id":"txn-%s-%s"}', p.wallet_id, p.seq),
                    'UTF8'), clock_timestamp()
    FROM planned p JOIN batch b ON b.number = p.number / :batch
), today AS (
  SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date - DATE '1970-01-01' AS day
)
UPDATE wallets w
   SET seq = w.seq + 2 * :turns, balance = w.balance + 25 * :turns,
       turnover = w.turnover + 125 * :turns, day = today.day,
       day_stake = CASE WHEN w.day = today.day THEN w.day_stake ELSE 0 END + 125 * :turns,
       day_payout = CASE WHEN w.day = today.day THEN w.day_payout ELSE 0 END + 150 * :turns
  FROM wallet, today WHERE w.wallet_id = wallet.wallet_id
"""


def operations_in(engine: Engine) -> int:
    """How many operations the books have."""
    with engine.connect() as connection:
        return int(connection.execute(text(_COUNT)).scalar_one())


def fill(engine: Engine, operations: int) -> Iterator[int]:
    """Write and post operations until the books have so many; yields how many they have.

    Every wallet in dollars gets as many as the others, so there may be a few more.
    """
    with ThreadPoolExecutor(1) as pool:
        present, posting = operations_in(engine), pool.submit(_post_all, engine)
        while present < operations:
            with engine.begin() as connection:
                present += _write(connection, present, min(CHUNK, operations - present))
            posting = _posted_further(pool, posting, engine)
            yield present
        posting.result()


def _posted_further(
    pool: ThreadPoolExecutor, posting: "Future[None]", engine: Engine
) -> "Future[None]":
    """Wait for what is being posted, so that the backlog stays small; post what came since."""
    posting.result()
    return pool.submit(_post_all, engine)


def _post_all(engine: Engine) -> None:
    while (counts := post(engine, limit=POSTED_TOGETHER)).batches:
        if counts.parked:
            raise SystemExit(f"{counts.parked} batches could not be posted")


def _write(connection: Connection, present: int, wanted: int) -> int:
    """Write a bet and a result of each wallet, as often as that makes about so many."""
    wallets = connection.execute(text(_WALLETS)).scalar_one()
    turns = max(1, -(-wanted // (2 * wallets)))
    name, rounds = f"L{present}", range(turns * wallets)
    keys = {
        side: list(match_keys(PROVIDER, [f"{letter}{name}-{n}" for n in rounds]))
        for side, letter in (("bets", "B"), ("results", "R"))
    }
    counts = {"wallets": wallets, "turns": turns, "batch": BATCH, "operations": 2 * len(rounds)}
    names = {"name": name, "provider": PROVIDER}
    connection.execute(text(_WRITE), {**counts, **names, **keys})
    return 2 * len(rounds)
