"""The register of invoices: received, checked, approved by another person, disputed, paid."""

import re
import shlex
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import CheckViolation, RestrictViolation, UniqueViolation

from tests.harness.books.ledger import bet
from tests.harness.books.signed_days import SignedDays

LAST = date(2026, 5, 31)
MAY = ("--provider", "lottery", "--period", "2026-05")
#: What we compute for May: ten percent of 100.00, and 5.00.
INVOICE = """
invoice = "{number}"
currency = "EUR"
fee = "{fee}"
[[lines]]
currency = "EUR"
ggr = "100.00"
"""
SAME_NUMBER = """
INSERT INTO invoices
SELECT 'inv-' || repeat('a', 32), provider, number, number_key, currency, fee, first_day,
       last_day, claims, file_name, 'x', file
  FROM invoices
"""


@pytest.fixture
def days(tmp_path: Path, database: str) -> SignedDays:
    """A month in which one day was played."""
    days = SignedDays(tmp_path, database)
    days.play(LAST, bet("m1", 10_000, round_id="m1"))
    return days


def invoice(days: SignedDays, number: str = "2026/17", fee: str = "15.00") -> str:
    """Write an invoice file; returns its path."""
    path = days.folder / f"{number.replace('/', '-').replace(' ', '')}-{fee}.toml"
    path.write_text(INVOICE.format(number=number, fee=fee), encoding="utf-8")
    return str(path)


def test_an_invoice_is_received_approved_by_another_person_and_paid(days: SignedDays) -> None:
    days.sign(LAST)
    file = invoice(days)

    received = days.json("invoice", "receive", file, *MAY, by="maria")
    alone = days.run("invoice", "approve", "2026/17", by="maria", code=1)
    early = days.run(
        *("invoice", "pay", "2026/17", "--date", "2026-06-20", "--reference", "SEPA 1"),
        by="nora",
        code=1,
    )
    approved = days.json("invoice", "approve", received["id"][:12], by="jonas")
    payment = ("--date", "2026-06-20", "--reference", "SEPA 1")
    paid = days.json("invoice", "pay", "2026/17", *payment, by="nora")

    assert (received["state"], received["number"], received["fee"]) == (
        *("received", "2026/17"),
        "15.00",
    )
    assert received["period"] == {"first": "2026-05-01", "last": "2026-05-31"}
    assert received["steps"][0]["check"] == {
        "claimed": "15.00",
        "ours": "15.00",
        "difference": "0.00",
        "by_ggr": "0.00",
        "by_terms": "0.00",
        "ties": True,
        "unsigned": {},
        "unposted": 0,
    }
    assert "maria received it: another person approves it" in alone
    assert "it is received by maria and cannot be paid: it has to be approved first" in early
    assert (approved["state"], approved["steps"][-1]["clean"]) == ("approved", True)
    assert paid["state"] == "paid"
    assert paid["steps"][-1]["paid_on"] == "2026-06-20"
    assert days.rows(
        "SELECT actor, action FROM audit WHERE subject LIKE 'invoice %' ORDER BY audit_id"
    ) == [
        ("maria", "invoice.received"),
        ("jonas", "invoice.approved"),
        ("nora", "invoice.paid"),
    ]


def test_days_not_signed_and_a_fee_that_does_not_tie_need_a_reason(days: SignedDays) -> None:
    said = days.run("invoice", "receive", invoice(days, fee="16.00"), *MAY, by="maria")
    refusal = days.run("invoice", "approve", "2026/17", by="jonas", code=1)
    days.run("invoice", "approve", "2026/17", "--reason", "agreed by mail", by="jonas")

    assert "it claims 16.00, we compute 15.00" in said
    assert "days not signed: 2026-05-31 (waiting for feed)" in said
    check, approve = r"→ tieout invoice check \S+", r"→ tieout invoice approve inv-\w{8}"
    period = "--provider lottery --period 2026-05-01/2026-06-01"
    assert re.search(rf"{check} {period}\n", said)
    assert re.search(rf"another person:\n{approve} --reason WHY\n", said)
    assert "it claims 16.00, we compute 15.00; days not signed" in refusal
    assert "--reason is expected" in refusal
    shown = days.json("invoice", "show", "2026/17")
    assert shown["steps"][-1]["reason"] == "agreed by mail"
    assert shown["steps"][-1]["clean"] is False
    assert "agreed by mail" in days.run("invoice", "show", "2026/17")


def test_the_command_for_a_difference_reads_a_table_as_it_was_received(
    days: SignedDays,
) -> None:
    file = days.folder / "may.csv"
    file.write_text("currency;game;ggr;fee\nEUR;-;100,00;16,00\n", encoding="utf-8")
    how = ("--decimal", ",", "--null-text", "-", "--numeric-ids")
    said = days.run("invoice", "receive", str(file), *MAY, *how, by="maria")

    (command,) = re.findall(r"→ tieout (invoice check .*)\n", said)
    assert command.endswith("--decimal , --null-text - --numeric-ids")
    checked = days.run(*shlex.split(command), by="maria", code=1)
    assert "16.00" in checked


def test_a_number_and_a_file_are_registered_once(days: SignedDays) -> None:
    days.run("invoice", "receive", invoice(days), *MAY, by="maria")

    again = days.run(
        "invoice", "receive", invoice(days, " 2026/17 ", "15.50"), *MAY, by="jonas", code=1
    )
    renamed = days.run(
        "invoice", "receive", invoice(days), *MAY, "--number", "9", by="jonas", code=1
    )

    assert "was received already, as 2026/17" in again
    assert "was received already, as 2026/17" in renamed
    assert len(days.json("invoice", "list")) == 1


def test_a_disputed_invoice_is_approved_or_never_paid(days: SignedDays) -> None:
    days.sign(LAST)
    days.run("invoice", "receive", invoice(days), *MAY, by="maria")
    days.run("invoice", "dispute", "2026/17", "--reason", "a wrong share", by="maria")

    payment = ("--date", "2026-06-20", "--reference", "SEPA 1")
    refusal = days.run("invoice", "pay", "2026/17", *payment, by="maria", code=1)
    days.run("invoice", "approve", "2026/17", by="jonas")
    days.run("invoice", "dispute", "2026/17", "--reason", "a second look", by="nora")

    assert "it is disputed by maria and cannot be paid" in refusal
    (listed,) = days.json("invoice", "list", "--state", "disputed")
    assert [step["action"] for step in listed["steps"]] == [
        *("received", "disputed", "approved", "disputed")
    ]
    assert days.json("invoice", "list", "--state", "paid") == []


def test_wrong_payments_and_unknown_invoices_are_refused(days: SignedDays) -> None:
    days.sign(LAST)
    days.run("invoice", "receive", invoice(days), *MAY, by="maria")
    days.run("invoice", "approve", "2026/17", by="jonas")
    pay = ("invoice", "pay", "2026/17", "--reference")

    assert "today or earlier" in days.run(*pay, "1", "--date", "2999-01-01", by="maria", code=1)
    assert "reference" in days.run(*pay, " ", "--date", "2026-06-20", by="maria", code=1)
    assert "--date" in days.run(*pay, "1", "--date", "soon", by="maria", code=2)
    assert "no such invoice" in days.run("invoice", "approve", "2026/18", by="jonas", code=2)


def test_the_file_is_kept_as_it_was_received(days: SignedDays) -> None:
    file = Path(invoice(days))
    days.run("invoice", "receive", str(file), *MAY, by="maria")
    copy = days.folder / "copy.toml"

    days.run("invoice", "show", "2026/17", "--file", str(copy))

    assert copy.read_bytes() == file.read_bytes()


def test_an_invoice_in_another_currency_or_unreadable_is_not_registered(
    days: SignedDays,
) -> None:
    path = days.folder / "usd.toml"
    path.write_text(INVOICE.format(number="1", fee="1.00").replace('"EUR"', '"USD"', 1))
    days.run("invoice", "receive", str(path), *MAY, by="maria", code=2)
    path.write_text("fee = ")
    days.run("invoice", "receive", str(path), *MAY, by="maria", code=2)

    assert days.rows("SELECT count(*) FROM invoices") == [(0,)]


def test_find_finds_an_invoice_by_id_number_and_file_name(days: SignedDays) -> None:
    file = Path(invoice(days))
    received = days.json("invoice", "receive", str(file), *MAY, by="maria")

    for text in (received["id"], received["id"][:12], "2026/17", file.name, "invoice 2026/17"):
        hits = days.json("find", text)["hits"]
        (hit,) = [hit for hit in hits if hit["kind"] == "invoice"]
        assert hit["id"] == received["id"]
        assert re.search(r"invoice 2026/17 of lottery: 15\.00 EUR, received", hit["summary"])


def test_the_database_refuses_one_person_skipped_states_and_changes(days: SignedDays) -> None:
    received = days.json("invoice", "receive", invoice(days), *MAY, by="maria")
    step = (
        f"INSERT INTO invoice_steps (invoice_id, number, action, by_name, eyes, reason, clean,"
        f" checked, paid_on, reference) VALUES ('{received['id']}', "
    )
    for statement, error, expected in (
        (step + "2, 'approved', 'maria', '{}', 'r', true, '{}', NULL, NULL)",
         RestrictViolation, "another person"),
        (step + "2, 'approved', 'mallory', '{}', 'r', true, '{}', NULL, NULL)",
         RestrictViolation, "nobody is registered"),
        (step + "2, 'paid', 'jonas', '{}', '', NULL, NULL, now(), 'x')",
         RestrictViolation, "cannot be paid after received"),
        (step + "1, 'received', 'jonas', '{}', '', true, '{}', NULL, NULL)",
         RestrictViolation, "cannot be received after received"),
        (step + "2, 'disputed', 'jonas', '{}', '', NULL, NULL, NULL, NULL)",
         CheckViolation, "for_a_reason"),
        ("UPDATE invoices SET fee = 1", RestrictViolation, "append-only"),
        ("DELETE FROM invoice_steps", RestrictViolation, "append-only"),
        (SAME_NUMBER, UniqueViolation, "invoices_number_once"),
    ):  # fmt: skip
        with pytest.raises(error, match=expected):
            execute(days, statement)


def execute(days: SignedDays, statement: str) -> None:
    with psycopg.connect(days.database) as connection:
        connection.execute(statement.encode())
