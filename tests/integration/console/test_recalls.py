"""Rounds and operations that are in an archive only, and the button that asks for them."""

import pytest

from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.console import ConsoleSite, PageClient
from tests.harness.tampering.replay import tamper
from vocabulary.ids import match_key

ROUND = "/rounds/lottery/r5"
KEY = "r5-b"
#: 2020-06-04 is day 18417.
_LEAVE = (
    """
INSERT INTO archives (archive_id, month, location, manifest_hash, rows, bytes, exported_by)
VALUES ('arc-2020-06', '2020-06-01', '/nowhere', repeat('0', 64), 1, 1, 'maria')
""",
    "INSERT INTO archived_row_months (month, at) VALUES ('2020-06-01', '2020-07-01 00:00+00')",
    f"""
INSERT INTO archived_keys (first_hash, hashes, days)
SELECT min(hash), array_agg(hash ORDER BY hash), array_agg(18417::smallint)
  FROM (VALUES ({match_key("lottery", "r5")}), (operation_hash('lottery', '{KEY}'))) h (hash)
""",
    "DELETE FROM operations WHERE round_id = 'r5'",
    "DELETE FROM rounds WHERE round_id = 'r5'",
)
#: Of an operation that left.
_POSITION = """
SELECT w.wallet_id, s.seq FROM wallets w, generate_series(1, w.seq) AS s (seq)
 WHERE NOT EXISTS (SELECT FROM operations o
                    WHERE o.wallet_id = w.wallet_id AND o.wallet_seq = s.seq)
"""
DEMANDS = "SELECT kind, provider, name, wanted_by FROM recalls ORDER BY recall_id"
TRAIL = "SELECT actor, subject FROM audit WHERE action = 'archive.recalled' ORDER BY audit_id"


@pytest.fixture(scope="module")
def maria(site: ConsoleSite, console_books: ConsoleBooks) -> PageClient:
    """Someone with the role ops, among others, once the rows of r5 left."""
    for statement in _LEAVE:
        tamper(console_books.books.url, statement)
    return site.browser_of("maria")


def test_only_who_may_archive_asks_for_a_round(
    maria: PageClient, site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    page = maria.get(ROUND)
    finance = site.browser_of("only finance")
    shown = finance.get(ROUND)
    fields = {"kind": "round", "provider": "lottery", "name": "r5"}
    refused = finance.submit("/days", "/recalls", **fields)
    forged = maria.post("/recalls", fields)

    assert page.status == 409
    assert "The round r5 of lottery left the database for arc-2020-06" in page.shown()
    assert "Bring the round back" in page.shown()
    assert "Somebody with the role ops brings it back." in shown.shown()
    assert 'action="/recalls"' not in shown.text
    assert (refused.status, forged.status) == (403, 403)
    assert console_books.rows(DEMANDS) == []


def test_what_is_here_is_listed_without_a_button_to_those_who_may_archive(
    maria: PageClient,
) -> None:
    listed = maria.get(f"/find?q=0.40+EUR&day={DAY}")
    assert listed.status == 200
    assert " hits" in listed.shown()
    assert 'action="/recalls"' not in listed.text


def test_a_round_and_an_operation_are_asked_for_once_each_with_an_audit_row(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    fields = {"kind": "round", "provider": "lottery", "name": "r5"}
    asked = maria.submit(ROUND, "/recalls", **fields)
    page = maria.get(asked.location)
    again = maria.submit("/days", "/recalls", **fields)
    by_key = {"kind": "operation", "provider": "lottery", "name": KEY}
    found = maria.submit(f"/find?q={KEY}", "/recalls", **by_key)
    here = maria.submit("/days", "/recalls", **{**fields, "name": "r6"})
    nonsense = maria.submit("/days", "/recalls", **{**fields, "kind": "player"})

    assert (asked.status, asked.location) == (303, f"{ROUND}?done=recalled")
    assert "maria asked for it" in page.shown()
    assert 'action="/recalls"' not in page.text
    assert again.status == found.status == 303
    assert "Bring the operation back" in maria.get(f"/find?q={KEY}").shown()
    assert "is in no archive only" in here.shown()
    assert (here.status, nonsense.status) == (422, 400)
    assert console_books.rows(DEMANDS) == [
        ("round", "lottery", "r5", "maria"),
        ("operation", "lottery", KEY, "maria"),
    ]
    assert console_books.rows(TRAIL) == [("maria", "r5"), ("maria", "r5"), ("maria", KEY)]


def test_an_operation_that_left_is_away_as_a_page_and_as_a_file(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    (wallet, seq) = console_books.rows(_POSITION)[0]
    for path in ("", "/request", "/reply"):
        page = maria.get(f"/operations/txn-{wallet}-{seq}{path}")
        assert page.status == 409, path
        assert "The operation is in an archive" in page.shown()
    assert maria.get("/operations/txn-1-999999/request").status == 404
