"""What stands in the books of one day, read back from PostgreSQL."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any

import psycopg

from ledger.checks.run import verify
from storage.engine import open_engine
from tests.harness.auditor.books import OURS, Line, Purse
from tests.harness.auditor.totals import accounts_of, rounds_of, status_of

Row = tuple[Any, ...]
#: (player, currency)
WalletName = tuple[str, str]
KINDS = {
    "bet": "bet",
    "bet_and_win": "both",
    "win": "win",
    "rollback": "rollback",
    "round_end": "end",
    "tombstone": "tombstone",
    "deposit": "funding",
    "withdrawal": "funding",
    "block": "block",
    "unblock": "block",
    "exclude": "exclude",
    "limit": "limit",
    "adjustment": "adjustment",
}
_CHAINS = """
SELECT w.player, w.currency, o.provider, o.op_key, o.kind::text, o.decision = 'accepted',
       o.stake, o.payout, o.balance_after, o.wallet_seq, o.fingerprint, o.reply, o.received_at
  FROM operations o JOIN wallets w USING (wallet_id)
 WHERE starts_with(w.player, %(day)s) AND NOT starts_with(o.op_key, 'opening:')
 ORDER BY w.wallet_id, o.wallet_seq
"""
_WALLETS = """
SELECT player, currency, balance, turnover, blocked, day_stake, day_payout FROM wallets
 WHERE starts_with(player, %(day)s)
"""
_ROUNDS = """
SELECT r.provider, r.round_id, w.player, r.currency, r.first_at, r.last_at, r.stake, r.payout,
       r.bets, r.wins, r.rollbacks, r.ended, r.status::text
  FROM rounds r JOIN wallets w USING (wallet_id) WHERE starts_with(r.round_id, %(day)s)
"""
_ACCOUNTS = """
SELECT e.account::text, e.provider, e.currency, sum(e.amount)::bigint
  FROM entries e JOIN wallets w USING (wallet_id) WHERE starts_with(w.player, %(day)s)
 GROUP BY 1, 2, 3 HAVING sum(e.amount) <> 0
"""


def _rows(url: str, query: str, seed: int) -> list[Row]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode(), {"day": f"{seed}."}).fetchall()


def chains(url: str, seed: int) -> dict[WalletName, list[Row]]:
    """Every wallet's operations in their committed order, without the opening deposit.

    A row: slug, key, kind, stands, stake, payout, balance, place, fingerprint, reply, received.
    """
    told: dict[WalletName, list[Row]] = {}
    for player, currency, *row in _rows(url, _CHAINS, seed):
        told.setdefault((player, currency), []).append(tuple(row))
    return told


def written(chain: Iterable[Row]) -> list[Row]:
    """A chain as the auditor would tell it."""
    return [(*row[:2], KINDS[row[2]], *row[3:8]) for row in chain]


def predicted(chain: Iterable[Line]) -> list[Row]:
    """A chain of the auditor as the books should hold it; place 1 is the opening deposit."""
    return [
        (x.slug, x.key, x.what, x.stands, x.stake, x.payout, x.balance, place)
        for place, x in enumerate(chain, start=2)
    ]


def chain_differences(
    told: Mapping[WalletName, list[Row]], expected: Mapping[WalletName, list[Line]]
) -> list[str]:
    """The first place of each wallet where books and auditor part."""
    found = []
    for wallet, lines in sorted(expected.items()):
        ours, theirs = written(told.get(wallet, [])), predicted(lines)
        if ours != theirs:
            at = next(
                (n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
                min(len(ours), len(theirs)),
            )
            found.append(
                f"wallet {' '.join(wallet)}: the books hold {_at(ours, at)}, "
                f"the auditor says {_at(theirs, at)}"
            )
    return found


def wallet_differences(url: str, seed: int, purses: Iterable[Purse]) -> list[str]:
    """Wallets that do not stand where the auditor's do."""
    expected = {
        (x.player, x.currency, x.balance, x.turnover, x.blocked, x.day_stake, x.day_payout)
        for x in purses
    }
    return _differ("wallet", set(_rows(url, _WALLETS, seed)), expected)


def total_differences(
    url: str, seed: int, opening: int, chains: Iterable[Iterable[Line]]
) -> list[str]:
    """Rounds and accounts where books and auditor part, once everything is posted."""
    kept = [list(chain) for chain in chains]
    rounds = {(*key, *astuple(one), status_of(one)) for key, one in rounds_of(kept).items()}
    accounts = accounts_of(kept)
    for (_, currency), minor in _openings(url, seed, opening).items():
        _add(accounts, ("player_wallet", OURS, currency), minor)
        _add(accounts, ("funding", OURS, currency), -minor)
    booked = {tuple(row[:3]): row[3] for row in _rows(url, _ACCOUNTS, seed)}
    return [
        *_differ("round", set(_rows(url, _ROUNDS, seed)), rounds),
        *_differ("account", set(booked.items()), set(accounts.items())),
    ]


def _openings(url: str, seed: int, opening: int) -> dict[WalletName, int]:
    return {tuple(row[:2]): opening for row in _rows(url, _WALLETS, seed)}


def _add(
    accounts: dict[tuple[str, str, str], int], account: tuple[str, str, str], by: int
) -> None:
    accounts[account] = accounts.get(account, 0) + by
    if accounts[account] == 0:
        del accounts[account]


def _differ(what: str, booked: set[Any], expected: set[Any]) -> list[str]:
    return [
        *(f"{what}: only the books hold {row}" for row in sorted(booked - expected, key=str)),
        *(f"{what}: only the auditor has {row}" for row in sorted(expected - booked, key=str)),
    ]


def _at(rows: list[Row], at: int) -> str:
    return str(rows[at]) if at < len(rows) else "nothing more"


def broken_promises(url: str) -> list[str]:
    """What ``verify`` finds wrong in the whole database."""
    engine = open_engine(url)
    try:
        return [
            f"verify {x.name}: {x.wrong} wrong, {x.first}" for x in verify(engine) if x.wrong
        ]
    finally:
        engine.dispose()
