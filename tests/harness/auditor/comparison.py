"""Read the books of one day from PostgreSQL and compare them with the auditor's."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any

import psycopg

from ledger.checks.run import verify
from storage.engine import open_engine
from tests.harness.auditor.books import OWN, AuditLine, AuditWallet
from tests.harness.auditor.totals import accounts_of, rounds_of, status_of
from tests.harness.books.orders import record_orders

Row = tuple[Any, ...]
#: (player, currency)
WalletName = tuple[str, str]
KINDS = {
    "bet": "bet",
    "bet_and_win": "bet_and_win",
    "win": "win",
    "rollback": "rollback",
    "round_end": "round_end",
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
    """Every wallet's operations in chain order, without the opening deposit.

    A row: slug, key, kind, accepted, stake, payout, balance, seq, fingerprint, reply, received.
    """
    by_wallet: dict[WalletName, list[Row]] = {}
    for player, currency, *row in _rows(url, _CHAINS, seed):
        by_wallet.setdefault((player, currency), []).append(tuple(row))
    return by_wallet


def ledger_rows(chain: Iterable[Row]) -> list[Row]:
    """A stored chain in the auditor's terms."""
    return [(*row[:2], KINDS[row[2]], *row[3:8]) for row in chain]


def expected_rows(chain: Iterable[AuditLine]) -> list[Row]:
    """A chain of the auditor as it must be stored; number 1 is the opening deposit."""
    return [
        (x.slug, x.key, x.kind, x.accepted, x.stake, x.payout, x.balance, seq)
        for seq, x in enumerate(chain, start=2)
    ]


def chain_differences(
    stored: Mapping[WalletName, list[Row]], expected: Mapping[WalletName, list[AuditLine]]
) -> list[str]:
    """The first difference in each wallet's chain."""
    differences = []
    for wallet, lines in sorted(expected.items()):
        actual, predicted = ledger_rows(stored.get(wallet, [])), expected_rows(lines)
        if actual != predicted:
            index = next(
                (n for n, (a, b) in enumerate(zip(actual, predicted, strict=False)) if a != b),
                min(len(actual), len(predicted)),
            )
            differences.append(
                f"wallet {' '.join(wallet)}: the books hold {_row_text(actual, index)}, "
                f"the auditor says {_row_text(predicted, index)}"
            )
    return differences


def wallet_differences(url: str, seed: int, wallets: Iterable[AuditWallet]) -> list[str]:
    """Wallets that differ from the auditor's."""
    expected = {
        (x.player, x.currency, x.balance, x.turnover, x.blocked, x.day_stake, x.day_payout)
        for x in wallets
    }
    return _differences("wallet", set(_rows(url, _WALLETS, seed)), expected)


def total_differences(
    url: str, seed: int, opening: int, chains: Iterable[Iterable[AuditLine]]
) -> list[str]:
    """Rounds and accounts that differ from the auditor's, once everything is posted."""
    lists = [list(chain) for chain in chains]
    rounds = {
        (*name, *astuple(total), status_of(total)) for name, total in rounds_of(lists).items()
    }
    accounts = accounts_of(lists)
    for (_, currency), minor in _openings(url, seed, opening).items():
        _add(accounts, ("player_wallet", OWN, currency), minor)
        _add(accounts, ("funding", OWN, currency), -minor)
    booked = {tuple(row[:3]): row[3] for row in _rows(url, _ACCOUNTS, seed)}
    return [
        *_differences("round", set(_rows(url, _ROUNDS, seed)), rounds),
        *_differences("account", set(booked.items()), set(accounts.items())),
    ]


def _openings(url: str, seed: int, opening: int) -> dict[WalletName, int]:
    return {tuple(row[:2]): opening for row in _rows(url, _WALLETS, seed)}


def _add(
    accounts: dict[tuple[str, str, str], int], account: tuple[str, str, str], minor: int
) -> None:
    accounts[account] = accounts.get(account, 0) + minor
    if accounts[account] == 0:
        del accounts[account]


def _differences(name: str, booked: set[Any], expected: set[Any]) -> list[str]:
    return [
        *(f"{name}: only the books hold {row}" for row in sorted(booked - expected, key=str)),
        *(f"{name}: only the auditor has {row}" for row in sorted(expected - booked, key=str)),
    ]


def _row_text(rows: list[Row], index: int) -> str:
    return str(rows[index]) if index < len(rows) else "nothing more"


def broken_promises(url: str) -> list[str]:
    """The checks of ``verify`` that fail on the whole database."""
    record_orders(url)
    engine = open_engine(url)
    try:
        return [
            f"verify {x.name}: {x.wrong} wrong, {x.first}" for x in verify(engine) if x.wrong
        ]
    finally:
        engine.dispose()
