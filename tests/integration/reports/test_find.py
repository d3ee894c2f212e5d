"""``tieout find`` on real books: each thing by its id, its prefix or its amount."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
import typer
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from breaks.corrections import proposals
from breaks.write_offs import propose_write_off
from ops.commands.find import find
from ops.context import Context
from ops.settings.loader import load
from reports.find.hits import Hit, SearchScope
from reports.find.query import FoundKind
from reports.find.search import LOOKUPS, find_anything
from storage.engine import open_engine
from tests.harness.books.differences.breaks import EVENING, BreakBooks
from tests.harness.books.ledger import NOON, SLUG, accept, bet, open_wallets
from tests.harness.plans import Statement, recorded, scans_without_index
from vocabulary.currencies import ISO_ONLY

SCOPE = SearchScope(zones={SLUG: "Europe/Vienna", "other": "UTC"})
DAY = SearchScope(zones=SCOPE.zones, day=NOON.date())
SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "redis://127.0.0.1:1/0"
[[providers]]
slug = "lottery"
dialect = "sportsbook"
currency = "EUR"
secrets = ["literal:secret"]
"""
_MORE = b"""
INSERT INTO handles (provider, handle, player) VALUES ('lottery', 'ANN-7', 'ann');
INSERT INTO feed_files (provider, feed, name, digest, size, received_at, business_day, verdict,
                        records, refused)
VALUES ('lottery', 'statement', 'june.csv', '\\xabcdef', 9, now(), '2026-06-04',
        'partly', 2, 1);
INSERT INTO feed_findings (finding_id, provider, feed, scope, kind, severity, file, line,
                           detail, first_seen, last_seen)
VALUES ('fnd-0123456789abcdef0123', 'lottery', 'statement', 's', 'truncated_file', 'error',
        'june.csv', 3, 'the file ends early', now(), now());
INSERT INTO provider_deliveries (provider, webhook_id, delivery_id, event_type, payload,
                                 response_code, response_body, success, attempted_at,
                                 retry_count, pulled_at)
VALUES ('lottery', 'hook-1', 'd-9', 'bet', '', 200, '', true, now(), 0, now());
INSERT INTO feed_withdrawals (provider, feed, record_id, occurrence, event, round_id,
                              match_key, handle, currency, stake, payout, rolled_back,
                              created_at, updated_at, source, received_at, changed_by,
                              changed_no, changed_at)
VALUES ('lottery', 'statement', 'gone-1', 1, 'withdrawn', 'r-gone', 1, 'ann', 'EUR', 5, 0,
        false, now(), now(), 'may.csv', now(), 'june.csv', 1, now());
INSERT INTO seals (day, previous, hash, batches, operations, entries, deliveries, layout)
VALUES ('2020-01-01', repeat('0', 64), 'c0ffee' || repeat('1', 58), 1, 2, 3, 4, '{}')
"""


@pytest.fixture
def books(database: str) -> Iterator[BreakBooks]:
    """A round of 1.00 on both sides that paid 2.50 there and nothing here; and other things."""
    open_wallets(database, ("ann", 1000))
    engine = open_engine(database)
    books = BreakBooks(database, engine)
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 250)
    books.run()
    accept(database, bet("b-9", 5, round_id="r9"), bet("b-9", 7, round_id="r9"))
    books.balance()
    with psycopg.connect(database) as connection:
        connection.execute(_MORE)
    yield books
    engine.dispose()


def found(books: BreakBooks, text: str, scope: SearchScope = SCOPE) -> list[Hit]:
    return list(find_anything(books.engine, text, scope).hits)


def kinds(hits: list[Hit]) -> list[FoundKind]:
    return [hit.kind for hit in hits]


def test_a_break_is_found_by_its_id_by_a_prefix_and_without_the_letters(
    books: BreakBooks,
) -> None:
    name = books.only().break_id

    for query in (name, name[:8], name.removeprefix("brk-")[:8], name.upper()):
        (hit,) = found(books, query)
        assert (hit.kind, hit.id) == (FoundKind.BREAK, name)
        assert "the player is owed 2.50 EUR" in hit.facts["what"]
        assert hit.next[0] == f"tieout breaks show {name}"


def test_a_round_is_found_with_its_record_and_leads_to_its_break(books: BreakBooks) -> None:
    round_, record = found(books, "r1")

    assert (round_.kind, record.kind) == (FoundKind.ROUND, FoundKind.RECORD)
    assert round_.facts["breaks"] == books.only().break_id
    assert round_.summary == "round of ann at lottery: stake 1.00 EUR, payout 0.00 EUR, open"
    assert record.summary == "record of lottery: stake 1.00 EUR, payout 2.50 EUR"


@pytest.mark.parametrize("text_", ['" r-1"', " r-1"])
def test_an_id_that_begins_with_a_blank_is_found(books: BreakBooks, text_: str) -> None:
    books.theirs(" r-1", 100, 0)

    (hit,) = found(books, text_)

    assert (hit.kind, hit.id, hit.exact) == (FoundKind.RECORD, " r-1", True)


def test_an_operation_is_found_by_their_id_and_by_ours(books: BreakBooks) -> None:
    (by_theirs,) = found(books, "r1-b")
    (by_ours,) = found(books, by_theirs.id)

    assert by_theirs == by_ours
    assert by_ours.kind is FoundKind.TRANSACTION
    assert by_ours.facts["round"] == "r1"
    assert "-1.00 EUR, balance after" in by_ours.facts["moved"]


def test_a_refused_request_is_found_beside_the_operation_whose_id_it_has(
    books: BreakBooks,
) -> None:
    hits = found(books, "b-9")
    request = next(hit for hit in hits if hit.kind is FoundKind.REQUEST)

    assert kinds(hits) == [FoundKind.TRANSACTION, FoundKind.REQUEST]
    assert "conflict" in request.summary
    assert FoundKind.REQUEST in kinds(found(books, f"request {request.id}"))


def test_a_batch_leads_to_its_transactions(books: BreakBooks) -> None:
    (operation,) = found(books, "r1-b")
    (batch,) = found(books, f"batch {operation.facts['batch']}")

    assert batch.kind is FoundKind.BATCH
    assert f"tieout find {operation.id}" in batch.next


def test_a_player_is_found_by_our_name_and_by_the_providers(books: BreakBooks) -> None:
    (player,) = found(books, "ann")
    (handle,) = found(books, "ANN-7")

    assert (player.kind, handle.kind) == (FoundKind.PLAYER, FoundKind.HANDLE)
    assert player.facts["wallet EUR"].startswith("8.95, ")
    assert player.facts["handles"] == "lottery ANN-7"
    assert handle.facts["player"] == "ann"


def test_corrections_runs_findings_files_seals_and_logged_callbacks_are_found(
    books: BreakBooks,
) -> None:
    break_ = books.only()
    (proposal,) = proposals.propose(
        books.engine,
        break_.break_id,
        try_corrections=books.trials,
        by="maria",
        reason="a win",
        now=EVENING,
        exponents=ISO_ONLY,
    )
    proposals.reject(books.engine, break_.break_id, by="eve", reason="no", now=EVENING)
    write_off = propose_write_off(
        books.engine, break_.break_id, by="maria", reason="too small", now=EVENING
    )
    expected = {
        write_off[:10]: FoundKind.WRITE_OFF,
        proposal: FoundKind.ADJUSTMENT,
        proposal[:12]: FoundKind.ADJUSTMENT,
        break_.run_id: FoundKind.RUN,
        break_.run_id[:9]: FoundKind.RUN,
        "fnd-012345": FoundKind.FINDING,
        "june.csv": FoundKind.FILE,
        "inbox/june.csv": FoundKind.FILE,
        "2020-01-01": FoundKind.SEAL,
        "c0ffee": FoundKind.SEAL,
        "hook-1/d-9": FoundKind.LOGGED,
        "hook-1": FoundKind.LOGGED,
        "gone-1": FoundKind.RECORD,
    }

    assert {query: kinds(found(books, query)) for query in expected} == {
        query: [kind] for query, kind in expected.items()
    }
    (gone,) = found(books, "gone-1")
    assert gone.summary.startswith("withdrawn record of lottery")


def test_an_amount_is_found_on_its_day_as_break_round_and_record(books: BreakBooks) -> None:
    hits = found(books, "2.50 EUR", DAY)
    stakes = found(books, "EUR 1.00", DAY)
    elsewhere = found(books, "2.50 EUR", SearchScope(zones=SCOPE.zones, day=date(2026, 6, 9)))
    in_one_text = found(books, "2.50 EUR 2026-06-04")

    assert kinds(hits) == [FoundKind.BREAK, FoundKind.RECORD]
    assert kinds(stakes) == [FoundKind.ROUND, FoundKind.RECORD]
    assert elsewhere == []
    assert in_one_text == hits


def test_an_amount_is_found_as_the_correction_and_the_operation_of_its_day(
    books: BreakBooks,
) -> None:
    proposals.propose(
        books.engine,
        books.only().break_id,
        try_corrections=books.trials,
        by="maria",
        reason="a win",
        now=EVENING,
        exponents=ISO_ONLY,
    )
    with books.engine.connect() as connection:
        today = connection.execute(
            text("SELECT (max(committed_at) AT TIME ZONE 'Europe/Vienna')::date FROM batches")
        ).scalar_one()

    assert FoundKind.ADJUSTMENT in kinds(found(books, "2.50 EUR", DAY))
    (operation,) = found(books, "1.00 EUR", SearchScope(zones=SCOPE.zones, day=today))
    assert operation.facts["their id"] == "r1-b"


def test_an_amount_without_a_day_is_not_searched_and_says_so(books: BreakBooks) -> None:
    findings = find_anything(books.engine, "2.50 EUR", SCOPE)

    assert findings.hits == ()
    assert findings.advice == ("an amount is searched on one day: add --day",)


def test_hits_are_bounded_and_say_so(books: BreakBooks) -> None:
    with psycopg.connect(books.url) as connection:
        connection.execute(
            "INSERT INTO feed_files (provider, feed, name, digest, size, received_at, verdict,"
            " records, refused) SELECT 'lottery', 'statement', 'same.csv', n::text::bytea, 1,"
            " now(), 'imported', 1, 0 FROM generate_series(1, 9) n"
        )

    few = find_anything(books.engine, "same.csv", SearchScope(zones=SCOPE.zones, limit=3))
    all_ = find_anything(books.engine, "same.csv", SearchScope(zones=SCOPE.zones, limit=9))

    assert (len(few.hits), few.cut) == (3, True)
    assert (len(all_.hits), all_.cut) == (9, False)


def test_an_amount_is_sought_only_among_what_can_be_shown(books: BreakBooks) -> None:
    for number in range(2, 6):
        books.ours(f"r{number}", 250, 0)
        books.theirs(f"r{number}", 250, 0)
    books.run()
    every = find_anything(books.engine, "2.50 EUR", DAY)

    before_records = kinds(list(every.hits)).index(FoundKind.RECORD)

    assert kinds(list(every.hits))[before_records:] == [FoundKind.RECORD] * 5
    assert before_records > 4
    for limit in range(len(every.hits) + 2):
        with recorded(books.engine) as statements:
            few = find_anything(books.engine, "2.50 EUR", replace(DAY, limit=limit))
        assert few.hits == every.hits[:limit]
        assert few.cut == (limit < len(every.hits))
        are_sought = any(
            "feed_records f" in query and "minor" in query for query, _ in statements
        )
        assert are_sought == (limit >= before_records)


@pytest.fixture
def command(books: BreakBooks, tmp_path: Path) -> Context:
    path = tmp_path / "tieout.toml"
    path.write_text(SETTINGS.format(database=books.url), encoding="utf-8")
    return Context(config=path, data_dir=tmp_path, settings=load(path, {}))


def run(context: Context, *words: str, code: int = 0) -> str:
    command = typer.Typer()
    command.command()(find)
    result = CliRunner().invoke(command, words, obj=context)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_the_command_prints_facts_and_the_next_command(
    command: Context, books: BreakBooks
) -> None:
    printed = run(command, books.only().break_id[:9])

    assert printed.startswith(f"break {books.only().break_id}\n  payout mismatch at lottery")
    assert f"  → tieout breaks show {books.only().break_id}" in printed


def test_json_has_stable_keys(command: Context) -> None:
    document = json.loads(run(command, "r1", "--json"))

    assert list(document) == ["query", "searched", "hits", "cut", "advice"]
    assert list(document["hits"][0]) == [
        *("kind", "id", "provider", "summary", "facts", "next", "exact")
    ]


def test_nothing_found_exits_with_one_and_says_what_was_searched(command: Context) -> None:
    printed = run(command, "no-such-thing", code=1)

    assert (
        "nothing is called 'no-such-thing'; searched: transaction by name, round by" in printed
    )


def test_every_lookup_uses_an_index(books: BreakBooks) -> None:
    statements = _statements_of_every_lookup(books.engine)

    assert len(statements) > len(LOOKUPS)
    months = frozenset({"archived_row_months"})  # a row a month
    assert scans_without_index(books.engine, statements, small=months) == []


def _statements_of_every_lookup(engine: Engine) -> list[Statement]:
    """Every query that the lookups run, with its parameters."""
    with recorded(engine) as statements:
        for query in (
            *("r1", "txn-1-1", "ann", "june.csv", "2020-01-01", "7", "71a3ff", "1.00 EUR"),
            *("1.00 EUR 2026-06-04", "batch 7", "hook-1/d-9", "INV 7"),
        ):
            find_anything(engine, query, DAY)
    return statements
