"""Journals in currencies outside ISO 4217, whose digits a provider's settings name."""

from datetime import date
from pathlib import Path

import psycopg

from ledger.accepting.own_operations import Deposit
from tests.harness.books.ledger import bet
from tests.harness.books.signed_days import CODES, SignedDays
from vocabulary.money import Money

LAST = date(2026, 5, 31)


def test_our_own_operations_and_fees_are_exported_in_a_currency_outside_iso(
    tmp_path: Path, database: str
) -> None:
    days = SignedDays(tmp_path, database)
    days.configure(CODES, extra="exponents = {USDT = 6}\n")
    settings = tmp_path / "tieout.toml"
    terms = settings.read_text("utf-8").replace(
        '{currency = "EUR", ', '{currency = "USDT", rates = {EUR = "2"}, '
    )
    settings.write_text(terms, "utf-8")
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO wallets (player, currency, balance, seq) VALUES ('ann', 'USDT', 0, 0)"
        )
    gift = Deposit(key="d1", handle="ann", amount=Money(1_500_000, "USDT"), reason="a gift")
    days.play(LAST, bet("m1", 10_000, round_id="m1"), gift)
    days.sign(LAST)

    rows = days.export(LAST.replace(day=1), LAST)

    amounts = {
        (row["kind"], row["provider"], row["account"]): row["credit"]
        for row in rows
        if row["currency"] == "USDT" and row["credit"]
    }
    assert amounts == {
        ("day", "tieout", "player_wallet"): "1.500000",
        ("fee", "lottery", "provider_fee_accrued"): "25.000000",
    }
