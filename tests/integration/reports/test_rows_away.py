"""Journals, dispute packs and search where rows of rounds left for an archive."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from breaks.disputes.opening import open_dispute
from reports.disputes.export import export_dispute, pack_of
from reports.find.hits import SearchScope
from reports.find.search import find_anything
from storage.archive.row_cut import RowsAreAway
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.away import bring_back_what_is_wanted, let_everything_go
from tests.harness.books.differences.disputed import EVENING, HOUR, DisputedBooks, disputed
from tests.harness.books.ledger import SLUG, bet, bet_and_win, win
from tests.harness.books.signed_days import FIRST, SignedDays, minor
from tests.harness.tampering.replay import tamper

NEXT = FIRST + timedelta(days=1)
#: June's rows left; let_everything_go() notes them as of an archive of January 1970.
_CUT = (
    "INSERT INTO archived_row_months (month, at) VALUES ('2026-06-01', '2026-07-01 00:00+00')"
)
_ARCHIVE = """
INSERT INTO archives (archive_id, month, location, manifest_hash, rows, bytes, exported_by)
VALUES ('arc-1970-01', '1970-01-01', '/nowhere', repeat('0', 64), 1, 1, 'maria')
"""
_WANT_ROUNDS = """
INSERT INTO recalls (kind, provider, name, hash, wanted_by)
SELECT DISTINCT 'round', provider, round_id, match_key, 'maria' FROM left_rounds
"""
ISSUED = "SELECT count(*) FROM journals"


@pytest.fixture
def days(tmp_path: Path, database: str) -> SignedDays:
    """Two signed days of play, the first with a round that ends on the second."""
    days = SignedDays(tmp_path, database)
    days.play(FIRST, bet_and_win("k1", 1_000, 300), bet("k2", 500, round_id="r2"))
    days.play(NEXT, win("k3", 200, bet_key="k2", round_id="r2"), bet("k4", 50, round_id="r4"))
    days.sign(FIRST, NEXT)
    return days


def let_june_go(database: str) -> None:
    let_everything_go(database)
    tamper(database, _CUT)


def test_journals_of_days_whose_rows_left_are_those_that_were_issued(days: SignedDays) -> None:
    before = days.export(FIRST, NEXT)
    issued = days.rows(ISSUED)
    let_june_go(days.database)

    assert days.export(FIRST, NEXT) == before
    assert days.rows(ISSUED) == issued


def test_a_journal_that_was_never_issued_is_refused_once_its_rows_left(
    days: SignedDays,
) -> None:
    let_june_go(days.database)
    period = f"{FIRST}..{NEXT}"

    refused = days.run("journal", "export", "--period", period, by="maria", code=1)

    assert "no journal of it was issued before. Leave the day out, and book what was" in refused
    assert days.rows(ISSUED) == [(0,)]


def test_a_late_win_of_an_old_round_is_signed_again_and_gets_a_journal(
    days: SignedDays,
) -> None:
    before = days.export(FIRST, NEXT)
    let_june_go(days.database)
    late, later = win("late", 70, bet_key="k2", round_id="r2"), date(2026, 7, 20)
    days.play(later, late)  # is put off, and asks for its round
    bring_back_what_is_wanted(days.database)
    days.play(later, late)
    period, of_day = f"{FIRST}..{NEXT}", (str(FIRST), "--provider", SLUG)
    refused = days.run("journal", "export", "--period", period, by="maria", code=1)
    days.run("day", "reopen", *of_day, "--reason", "a late win", by="maria")
    days.run("day", "prepare", *of_day, "--reason", "a late win", by="maria")
    days.run("day", "sign", *of_day, by="jonas")
    after = days.export(FIRST, NEXT)

    due = [row for row in after if row not in before]
    assert "not signed" in refused
    assert [row for row in after if row in before] == before
    assert len({row["journal"] for row in due}) == 1
    assert sum(minor(row["debit"]) for row in due) == 70
    assert sum(minor(row["credit"]) for row in due) == 70


@pytest.fixture(scope="module")
def disputes(postgres: PostgresServer) -> Iterator[DisputedBooks]:
    """An hour of four providers."""
    postgres.clone("disputes_away")
    books = DisputedBooks(postgres.url("disputes_away"))
    books.fill()
    yield books
    postgres.drop("disputes_away")


def test_a_dispute_pack_and_a_search_name_rounds_that_are_away_and_have_them_again(
    disputes: DisputedBooks,
) -> None:
    engine = open_engine(disputes.url)
    provider = disputed("aggregator")
    ids = [break_.break_id for break_ in disputes.breaks("aggregator")]
    options = {"now": EVENING, "note": "June", "exponents": {}, "named": True}
    dispute = open_dispute(engine, ids, by="maria", **options).dispute  # type: ignore[arg-type]
    (round_id, *_) = sorted({line.round_id for line in dispute.lines})
    scope = SearchScope(zones={"aggregator": "UTC"}, exponents={}, day=None, limit=10)

    def packed() -> bytes:
        number, now = dispute.dispute_id, EVENING + HOUR
        return export_dispute(engine, number, provider, by="jonas", now=now).content

    before = packed()
    let_everything_go(disputes.url)
    for statement in (_ARCHIVE, _CUT):
        tamper(disputes.url, statement)
    with pytest.raises(RowsAreAway) as refused:
        packed()
    written = pack_of(engine, dispute.dispute_id, 1).content
    found = find_anything(engine, round_id, scope)
    with psycopg.connect(disputes.url) as connection:
        connection.execute(_WANT_ROUNDS.encode())
    bring_back_what_is_wanted(disputes.url)
    after = packed()
    engine.dispose()

    command = f"tieout archive recall --provider aggregator --round {round_id}"
    assert f"`{command}`" in str(refused.value)
    assert [hit.next for hit in found.hits if "archive" in hit.facts] == [(command,)]
    assert after == written == before
