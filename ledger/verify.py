"""Prove the books, by sums and by order. Each check is one query that counts what is wrong.

A check names its figure (how much it looked at) and its findings (how many rows are wrong, and
the first of them). All checks read one snapshot, so traffic may go on meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from vocabulary.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing the books promise.

    Attributes:
        figure: SQL for how many rows the promise covers.
        wrong: SQL for the rows that break it; the first column names the row.
    """

    name: str
    promise: str
    figure: str
    wrong: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found; it holds when ``wrong`` is 0."""

    name: str
    promise: str
    checked: int
    wrong: int
    first: str | None


_LEGS = """
  SELECT wallet_id, wallet_seq,
         coalesce(sum(amount) FILTER (WHERE account IN ('player_wallet', 'player_receivable')),
                  0) AS to_wallet,
         count(*) AS legs
    FROM entries GROUP BY wallet_id, wallet_seq
"""

CHECKS: tuple[Check, ...] = (
    Check(
        name="entries_sum_to_zero",
        promise="the entries of every transaction sum to zero per currency",
        figure="SELECT count(*) FROM entries",
        wrong="""SELECT 'txn-' || wallet_id || '-' || wallet_seq FROM entries
                  GROUP BY wallet_id, wallet_seq, currency HAVING sum(amount) <> 0""",
    ),
    Check(
        name="wallets_equal_entries",
        promise="each balance is the sum of its entries and of what is accepted but not posted",
        figure="SELECT count(*) FROM wallets",
        wrong="""SELECT w.player || ' ' || w.currency FROM wallets w
                  LEFT JOIN (SELECT wallet_id, sum(amount) AS amount FROM entries
                              WHERE account IN ('player_wallet', 'player_receivable')
                              GROUP BY wallet_id) e
                      USING (wallet_id)
                  LEFT JOIN (SELECT o.wallet_id, sum(o.amount) AS amount
                               FROM operations o JOIN batches b USING (batch_id)
                              WHERE b.posted_at IS NULL GROUP BY o.wallet_id) u
                      USING (wallet_id)
                 WHERE w.balance <> coalesce(e.amount, 0) + coalesce(u.amount, 0)""",
    ),
    Check(
        name="chains_have_no_gap",
        promise="every wallet's chain runs 1, 2, 3 … and each balance follows the one before",
        figure="SELECT count(*) FROM operations",
        wrong="""SELECT 'txn-' || wallet_id || '-' || wallet_seq FROM (
                   SELECT wallet_id, wallet_seq, amount, balance_after,
                          lag(wallet_seq, 1, 0::bigint) OVER chain AS seq_before,
                          lag(balance_after, 1, 0::bigint) OVER chain AS before
                     FROM operations
                   WINDOW chain AS (PARTITION BY wallet_id ORDER BY wallet_seq)
                 ) c WHERE wallet_seq <> seq_before + 1 OR balance_after <> before + amount""",
    ),
    Check(
        name="wallets_end_their_chain",
        promise="each wallet stands at the last number and balance of its chain",
        figure="SELECT count(*) FROM wallets",
        wrong="""SELECT w.player || ' ' || w.currency FROM wallets w
                  LEFT JOIN operations o ON o.wallet_id = w.wallet_id AND o.wallet_seq = w.seq
                 WHERE w.balance <> coalesce(o.balance_after, 0)
                    OR (o.wallet_id IS NULL AND w.seq <> 0)
                    OR EXISTS (SELECT FROM operations later
                                WHERE later.wallet_id = w.wallet_id
                                  AND later.wallet_seq > w.seq)""",
    ),
    Check(
        name="operations_posted_once",
        promise="every accepted operation of a posted batch has its entries, and no other has",
        figure="SELECT count(*) FROM operations",
        wrong=f"""SELECT 'txn-' || coalesce(o.wallet_id, e.wallet_id) || '-'
                         || coalesce(o.wallet_seq, e.wallet_seq)
                   FROM (SELECT o.*, b.posted_at
                           FROM operations o JOIN batches b USING (batch_id)) o
                   FULL JOIN ({_LEGS}) e
                     ON e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq
                  WHERE o.wallet_id IS NULL
                     OR (o.posted_at IS NOT NULL AND coalesce(e.to_wallet, 0) <> o.amount)
                     OR (o.posted_at IS NULL AND e.legs > 0)
                     OR (o.decision = 'declined' AND e.legs > 0)""",  # noqa: S608
    ),
    Check(
        name="rounds_equal_operations",
        promise="each round's stake and payout are the sums of its posted operations",
        figure="SELECT count(*) FROM rounds",
        wrong="""SELECT coalesce(r.provider, o.provider) || ' '
                        || coalesce(r.round_id, o.round_id)
                   FROM rounds r FULL JOIN (
                     SELECT o.match_key, o.provider, o.round_id, sum(o.stake) AS stake,
                            sum(o.payout) AS payout
                       FROM operations o JOIN batches b USING (batch_id)
                      WHERE b.posted_at IS NOT NULL AND o.decision = 'accepted'
                        AND o.provider <> 'tieout'
                      GROUP BY o.match_key, o.provider, o.round_id
                   ) o USING (match_key, provider, round_id)
                  WHERE r.stake IS DISTINCT FROM o.stake
                     OR r.payout IS DISTINCT FROM o.payout""",
    ),
    Check(
        name="ended_rounds_are_clear",
        promise="an ended round's clearing is zero, an open one's is its stake less payout",
        figure="SELECT count(*) FROM rounds",
        wrong="""SELECT r.provider || ' ' || r.round_id FROM rounds r
                   LEFT JOIN (SELECT match_key, provider, sum(amount) AS amount FROM entries
                               WHERE account = 'provider_clearing'
                               GROUP BY match_key, provider) c
                     ON c.match_key = r.match_key AND c.provider = r.provider
                  WHERE coalesce(c.amount, 0) <> r.stake - r.payout - r.swept
                     OR (r.ended AND r.swept <> r.stake - r.payout)""",
    ),
    Check(
        name="nothing_is_parked",
        promise="no batch or record waits for a person",
        figure="SELECT count(*) FROM batches",
        wrong="SELECT job || ' ' || subject || ': ' || cause FROM parked",
    ),
)


def verify(engine: Engine) -> Iterator[Finding]:
    """Run every check on one snapshot, yielding each as it ends.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
            )
            for check in CHECKS:
                yield _found(connection, check)
    except OperationalError as error:
        raise Unavailable("verify: the database is out of reach") from error


def _found(connection: Connection, check: Check) -> Finding:
    checked = connection.exec_driver_sql(check.figure).scalar_one()
    counted = f"SELECT count(*), min(broken) FROM ({check.wrong}) AS w (broken)"  # noqa: S608
    wrong, first = connection.exec_driver_sql(counted).one()
    return Finding(
        name=check.name, promise=check.promise, checked=checked, wrong=wrong, first=first
    )
