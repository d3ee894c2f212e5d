"""Deposits and withdrawals: a person's, with an audit row; above a limit they take two."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import IntegrityError, RestrictViolation
from typer.testing import CliRunner

from ledger.accepting.own_operations import Deposit
from ledger.corrections.fund_requests import (
    FundRequestRefused,
    approve_funds,
    request_funds,
)
from ops import cli
from storage.engine import open_engine
from tests.harness.books.ledger import NOON, eur, open_wallets
from tests.harness.books.lock_waits import until_somebody_waits
from tests.harness.people import token_of
from vocabulary.errors import Contradiction, Refused

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[ledger]
one_person = {{EUR = "50.00"}}
"""
WALLET = ("--player", "ann", "--currency", "EUR", "--reason", "transfer 17")


@dataclass
class Cashier:
    """``tieout ledger`` for people with tokens, on books where ann has 10.00 EUR."""

    folder: Path
    database: str

    def run(self, *words: str, by: str = "maria", code: int = 0) -> str:
        arguments = ["--config", str(self.folder / "tieout.toml"), "ledger", *words]
        runner = CliRunner(env={"TIEOUT_TOKEN": token_of(by) if by else ""})
        result = runner.invoke(cli.app, arguments)
        if isinstance(result.exception, Refused):
            assert code == cli.USAGE, result.exception
            return str(result.exception)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.output if code else result.stdout

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.encode()).fetchall()

    def balance(self) -> int:
        return int(self.rows("SELECT balance FROM wallets WHERE player = 'ann'")[0][0])

    def request(self, *words: str) -> str:
        """Ask for what takes two people; returns the id."""
        return self.run(*words, *WALLET).split()[0]


@pytest.fixture
def cashier(tmp_path: Path, database: str) -> Cashier:
    (tmp_path / "tieout.toml").write_text(SETTINGS.format(database=database))
    open_wallets(database, ("ann", 1_000))
    return Cashier(tmp_path, database)


def test_up_to_the_limit_one_person_moves_money_and_the_trail_keeps_the_name(
    cashier: Cashier,
) -> None:
    cashier.run("deposit", *WALLET, "--amount", "50.00")
    cashier.run("withdraw", *WALLET, "--amount", "20.00", by="jonas")
    nobody = cashier.run("deposit", *WALLET, "--amount", "1", by="", code=2)

    assert cashier.balance() == 1_000 + 5_000 - 2_000
    assert "nobody" in nobody or "TIEOUT_TOKEN" in nobody
    assert cashier.rows(
        "SELECT actor, action, subject, detail->>'reason' FROM audit"
        " WHERE action LIKE 'funds.%' ORDER BY audit_id"
    ) == [
        ("maria", "funds.deposit", "ann", "transfer 17"),
        ("jonas", "funds.withdrawal", "ann", "transfer 17"),
    ]


@pytest.mark.parametrize(("word", "after"), [("deposit", 601_000), ("withdraw", 1_000)])
def test_above_the_limit_nothing_moves_before_another_person_approves(
    cashier: Cashier, word: str, after: int
) -> None:
    name = cashier.request(word, "--amount", "6000.00")
    before = cashier.balance()
    alone = cashier.run("funds", "approve", name, code=1)
    code = 0 if word == "deposit" else 1
    result = CliRunner(env={"TIEOUT_TOKEN": token_of("jonas")}).invoke(
        cli.app,
        [
            *("--config", str(cashier.folder / "tieout.toml"), "ledger", "funds"),
            "approve",
            name,
        ],
    )

    assert before == 1_000
    assert f"maria requested {name}: another person decides" in alone
    assert (result.exit_code == 0) == (code == 0)  # the wallet does not hold 6000.00
    assert cashier.balance() == after
    assert name in cashier.run("funds", "list", "--json")


def test_approving_again_moves_nothing_twice_and_a_rejected_request_stays_so(
    cashier: Cashier,
) -> None:
    first, second = (cashier.request("deposit", "--amount", "60") for _ in range(2))
    for _ in range(2):
        cashier.run("funds", "approve", first, by="jonas")
    cashier.run("funds", "reject", second, "--reason", "twice", by="jonas")
    again = cashier.run("funds", "approve", second, by="erin", code=1)

    assert cashier.balance() == 1_000 + 6_000
    assert f"{second} is rejected by jonas" in again
    assert [row[0] for row in cashier.rows("SELECT state FROM fund_requests ORDER BY 1")] == [
        "approved",
        "rejected",
    ]


def test_an_order_that_was_declined_is_declined_again_and_never_called_carried_out(
    cashier: Cashier,
) -> None:
    """Whoever pays out on an exit of 0 would pay what no wallet gave."""
    small = ("withdraw", *WALLET, "--amount", "20", "--key", "payout-17")
    large = cashier.request("withdraw", "--amount", "60")
    first = cashier.run(*small, code=1)
    cashier.run("funds", "approve", large, by="jonas", code=1)
    for _ in range(3):
        cashier.run("deposit", *WALLET, "--amount", "50")

    again = cashier.run(*small, code=1)
    books = open_engine(cashier.database)
    with pytest.raises(Contradiction, match="cannot be carried out: declined_funds"):
        approve_funds(books, large, by="jonas", now=NOON)
    books.dispose()

    assert "the wallet does not hold that much" in first
    assert "when it was first ordered under this key" in again
    assert cashier.balance() == 1_000 + 15_000


def test_the_database_takes_no_request_that_one_person_decides(cashier: Cashier) -> None:
    name = cashier.request("deposit", "--amount", "60")
    decide = (
        "UPDATE fund_requests SET state = 'approved', decided_by = '{}', decided_at = now()"
    )
    for statement, error, message in (
        (decide.format("maria"), IntegrityError, "four_eyes|two_people"),
        (decide.format("nobody"), RestrictViolation, "nobody is registered"),
        ("UPDATE fund_requests SET amount = 1", RestrictViolation, "decided once"),
        ("DELETE FROM fund_requests", RestrictViolation, "append-only"),
    ):
        with pytest.raises(error, match=message), psycopg.connect(cashier.database) as books:
            books.execute(statement.encode())
    assert cashier.rows(f"SELECT state FROM fund_requests WHERE request_id = '{name}'") == [
        ("proposed",)
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--player", "bob", "--currency", "EUR", "--reason", "r"), "bob has no wallet in EUR"),
        (("--player", "ann", "--currency", "EUR", "--reason", " "), "a reason is expected"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_not_taken(
    cashier: Cashier, words: tuple[str, ...], message: str
) -> None:
    assert message in cashier.run("deposit", "--amount", "60", *words, code=1)
    assert cashier.rows("SELECT count(*) FROM fund_requests") == [(0,)]


def test_a_key_that_is_requested_twice_at_one_moment_is_taken_once(cashier: Cashier) -> None:
    books = open_engine(cashier.database)
    order = Deposit(key="transfer-17", handle="ann", amount=eur(6_000), reason="transfer 17")
    answers: list[str] = []

    def ask(by: str) -> None:
        try:
            answers.append(request_funds(books, order, by=by, now=NOON)[:4])
        except FundRequestRefused as refused:
            answers.append(str(refused))

    with psycopg.connect(cashier.database) as first:
        first.execute("LOCK TABLE audit")  # the first to come has to wait with its request
        people = [threading.Thread(target=ask, args=(by,)) for by in ("maria", "erin")]
        for person in people:
            person.start()
            until_somebody_waits(books)
        threading.Event().wait(0.5)
    for person in people:
        person.join()
    books.dispose()

    assert sorted(answers) == ["dep-", "transfer-17: this key was requested before"]


def test_a_currency_without_a_limit_takes_two_people_from_1000_units_on(
    cashier: Cashier,
) -> None:
    settings = cashier.folder / "tieout.toml"
    settings.write_text(settings.read_text().replace('EUR = "50.00"', ""))

    cashier.run("deposit", *WALLET, "--amount", "1000")
    assert "waits for a second person" in cashier.run("deposit", *WALLET, "--amount", "1000.01")
