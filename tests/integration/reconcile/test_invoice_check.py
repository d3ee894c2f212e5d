"""An invoice against the books: the rounds that explain it, and what no round explains."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import psycopg
import pytest

from ledger.accepting.own_operations import InRound
from ledger.corrections.adjustments import approve, propose
from ledger.posting.posting import post_all_at
from reconcile.invoices.check import InvoiceCheck, WrongInvoiceCurrency, check_invoice
from reconcile.invoices.claims import Claim, Invoice
from reconcile.invoices.terms import FeeTerms, Tier
from reconcile.runs.request import RunRequest
from reconcile.totals.tie_out import totals
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import TwoBooks
from vocabulary.currencies import ISO_ONLY
from vocabulary.money import Money
from vocabulary.window import Window

JUNE = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 4, 1, tzinfo=UTC))
LATER = datetime(2026, 4, 3, tzinfo=UTC)
TEN_PERCENT = FeeTerms(
    currency="USD", digits=2, tiers=(Tier(up_to=None, share=Fraction(1, 10)),)
)


def _check(url: str, invoice: Invoice, terms: FeeTerms = TEN_PERCENT) -> InvoiceCheck:
    request = RunRequest(provider="agg", window=JUNE, maturity=timedelta(minutes=15))
    return check_invoice(invoice, totals(url, request, now=LATER, zone="UTC"), terms, {})


def _invoice(ggr: int, fee: int, game: str | None = None) -> Invoice:
    claim = Claim(game=game, currency="USD", ggr=ggr)
    return Invoice(name="march", currency="USD", claims=(claim,), fee=fee)


@pytest.fixture
def filled(database: str) -> str:
    books = TwoBooks()
    books.both("r1", 10_000, 2_000)
    books.ours("r2", 500, 700)
    books.theirs("r2", 500, 100)
    books.theirs("r3", 300, 0)
    books.write(database)
    return database


def test_an_invoice_that_claims_our_figures_ties(filled: str) -> None:
    check = _check(filled, _invoice(7_800, 780))
    assert (check.ties, check.difference, check.checked[0].unexplained) == (True, 0, 0)


def test_an_invoice_does_not_tie_with_books_that_are_not_posted(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        connection.execute("INSERT INTO batches (operations) VALUES (1)")

    check = _check(filled, _invoice(7_800, 780))

    assert (check.ties, check.difference, check.unposted) == (False, 0, 1)


def test_a_difference_in_the_providers_history_is_explained_round_by_round(filled: str) -> None:
    check = _check(filled, _invoice(8_700, 870))
    line = check.checked[0]
    assert (line.difference, line.explained, line.unexplained) == (900, 900, 0)
    assert line.causes == {"missing_in_ledger": 300, "payout_mismatch": 600}
    assert [(cause.round_id, cause.ggr) for cause in line.lines] == [("r3", 300), ("r2", 600)]
    assert (check.difference, check.by_ggr, check.by_terms, check.ties) == (90, 90, 0, False)


def test_a_claim_beyond_any_round_is_unexplained(filled: str) -> None:
    line = _check(filled, _invoice(9_999, 870)).checked[0]
    assert (line.difference, line.explained, line.unexplained) == (2_199, 900, 1_299)


def test_a_fee_by_other_terms_is_separate_from_another_ggr(filled: str) -> None:
    check = _check(filled, _invoice(8_700, 1_044))
    assert (check.by_ggr, check.by_terms) == (90, 174)


def test_a_game_that_was_played_and_not_claimed_is_claimed_as_nothing(filled: str) -> None:
    check = _check(filled, _invoice(0, 0, game="dice"))
    assert [(line.game, line.claimed, line.ours) for line in check.checked] == [
        ("dice", 0, 0),
        ("plinko", 0, 7_800),
    ]


def test_an_invoice_in_another_currency_than_the_terms_is_refused(filled: str) -> None:
    invoice = Invoice(name="x", currency="EUR", claims=_invoice(1, 1).claims, fee=1)
    with pytest.raises(WrongInvoiceCurrency, match="in EUR, the terms are in USD"):
        _check(filled, invoice)


def test_a_manual_correction_is_part_of_ours_and_shown_as_one(filled: str) -> None:
    engine = open_engine(filled, pool_size=2)
    proposal = propose(
        engine,
        player="alice",
        currency="USD",
        amount=Money(-600, "USD"),
        reason="paid too much",
        by="ann",
        now=LATER,
        within=InRound(provider="agg", round_id="r2", side="payout"),
        exponents=ISO_ONLY,
    )
    approve(engine, proposal, by="bob", now=LATER, exponents=ISO_ONLY)
    engine.dispose()
    post_all_at(filled)
    request = RunRequest(provider="agg", window=JUNE, maturity=timedelta(minutes=15))
    tied = totals(filled, request, now=LATER, zone="UTC")
    (row,) = tied.by()
    assert (row.adjusted.ggr, row.ours.ggr, row.residual) == (600, 8_400, 0)
    assert row.causes == {"missing_in_ledger": 300}
