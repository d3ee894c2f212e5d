"""Verify names a row of ``listed_breaks`` unlike what it mirrors; relist mends it."""

from pathlib import Path

import psycopg
import pytest

from breaks.states import BreakState
from ledger.checks.run import CheckResult, verify
from ops.commands.ledger.group import app as ledger_commands
from storage.engine import open_engine
from storage.listed_breaks import MIRRORED, Relisted, relist_breaks
from storage.rights import APPLICATION_ROLE
from storage.roles import url_as
from storage.transactions import engine_at
from tests.harness.books.differences.break_commands import BreakCommands
from tests.harness.books.differences.breaks import BreakBooks
from tests.harness.tampering.replay import tamper
from vocabulary.errors import NotAllowed

_BREAKS = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
VALUES ('run-1', 'lottery', '2026-06-04', '2026-06-05', now(), now(), '{}', '{}', true);
INSERT INTO breaks (break_id, run_id, provider, kind, impact, player, currency, round_id,
                    match_key, difference, explanation, first_seen, last_seen)
SELECT 'brk-' || n, 'run-1', 'lottery', 'payout_mismatch', 'player_owed',
       CASE WHEN n % 2 = 0 THEN 'ann' END, 'EUR', 'r' || n, n, n, 'The payouts differ',
       '2026-06-05', '2026-06-05'
  FROM generate_series(1, 10) n;
ALTER TABLE break_workflows DISABLE TRIGGER break_workflows_transitions;
ALTER TABLE break_workflows DISABLE TRIGGER break_workflows_write_offs
"""
_MOVE = """
UPDATE break_workflows
   SET state = %(state)s, assignee = 'maria',
       settled = CASE WHEN %(state)s IN ('explained', 'written_off') THEN 1 END
 WHERE break_id = %(break_id)s
"""
_OF = "WHERE break_id = 'brk-3'"
_ANOTHER = "break brk-3: its row in listed_breaks has another "


@pytest.fixture
def books(database: str) -> str:
    """The URL of books with ten breaks, one in each state; triggers listed them."""
    with psycopg.connect(database) as connection:
        connection.execute(_BREAKS.encode())
        for number, state in enumerate(BreakState, start=1):
            moved = {"state": str(state), "break_id": f"brk-{number}"}
            connection.execute(_MOVE.encode(), moved)
    return database


def checked(database: str) -> CheckResult:
    """The result of the check of listed breaks; every other check holds."""
    with engine_at(database) as engine:
        results = {result.name: result for result in verify(engine)}
    result = results.pop("breaks_are_listed")
    assert [other.name for other in results.values() if other.wrong] == []
    return result


def relisted(database: str) -> Relisted:
    with engine_at(database) as owner:
        return relist_breaks(owner)


def test_breaks_in_every_state_are_listed_as_they_are(books: str) -> None:
    result = checked(books)

    with psycopg.connect(books) as connection:
        states = connection.execute("SELECT DISTINCT state FROM listed_breaks").fetchall()
    assert {state for (state,) in states} == set(BreakState)
    assert (result.checked, result.wrong, result.named) == (10, 0, ())
    assert relisted(books) == Relisted(written=0, removed=0)


@pytest.mark.parametrize(
    ("statement", "named", "mended"),
    [
        (
            f"UPDATE listed_breaks SET state = 'closed', words = 'nothing' {_OF}",
            (f"{_ANOTHER}state, words",),
            Relisted(written=1, removed=0),
        ),
        (
            f"UPDATE listed_breaks SET player = 'bob' {_OF}",
            (f"{_ANOTHER}player",),
            Relisted(written=1, removed=0),
        ),
        (
            f"UPDATE breaks SET explanation = 'They agree', cleared_at = now() {_OF}",
            (f"{_ANOTHER}cleared_at, words",),
            Relisted(written=1, removed=0),
        ),
        (
            f"UPDATE break_workflows SET assignee = NULL, state = 'open', settled = NULL {_OF}",
            (f"{_ANOTHER}state, assignee",),
            Relisted(written=1, removed=0),
        ),
        (
            f"DELETE FROM listed_breaks {_OF}",
            ("break brk-3 has no row in listed_breaks",),
            Relisted(written=1, removed=0),
        ),
        (
            f"UPDATE listed_breaks SET break_id = 'brk-x' {_OF}",
            (
                "break brk-3 has no row in listed_breaks",
                "break brk-x has no row in breaks",
            ),
            Relisted(written=1, removed=1),
        ),
    ],
)
def test_a_listed_row_that_differs_is_named_and_mended(
    books: str, statement: str, named: tuple[str, ...], mended: Relisted
) -> None:
    tamper(books, statement)

    result = checked(books)

    assert (result.wrong, result.named) == (len(named), named)
    assert relisted(books) == mended
    assert checked(books).named == ()


@pytest.mark.parametrize("table", ["breaks", "break_workflows"])
def test_a_row_that_the_list_mirrors_is_missed_even_if_the_list_is_filled_anew(
    books: str, table: str
) -> None:
    tamper(books, f"DELETE FROM {table} {_OF}")
    missing = (f"break brk-3 has no row in {table}",)

    before = checked(books)
    mended = relisted(books)

    assert before.named == checked(books).named == missing
    assert mended == Relisted(written=0, removed=1)


def test_every_column_of_the_list_is_compared(database: str) -> None:
    with psycopg.connect(database) as connection:
        columns = connection.execute(
            "SELECT attname FROM pg_attribute"
            " WHERE attrelid = 'listed_breaks'::regclass AND attnum > 0 AND NOT attisdropped"
        ).fetchall()

    assert {name for (name,) in columns} == {"break_id", *MIRRORED}


def test_verify_says_what_mends_the_list_and_relist_does_it(books: str, tmp_path: Path) -> None:
    engine = open_engine(books)
    commands = BreakCommands(BreakBooks(books, engine), tmp_path)
    engine.dispose()
    tamper(books, f"UPDATE listed_breaks SET state = 'closed' {_OF}")

    failed = commands.run("verify", code=1, group=ledger_commands).splitlines()
    mended = commands.run("relist")
    proven = commands.run("verify", group=ledger_commands)

    [line] = [number for number, text in enumerate(failed) if text.startswith("FAIL")]
    assert failed[line].startswith("FAIL breaks_are_listed: every break has a workflow")
    assert failed[line].endswith(f"1 wrong, first: {_ANOTHER}state)")
    assert failed[line + 1] == (
        "     to mend it: `tieout breaks relist` writes rows of listed_breaks anew; it needs"
        " database.owner_url"
    )
    assert mended == "1 row of the list written, 0 rows removed\n"
    assert "FAIL" not in proven


def test_only_the_owner_of_the_tables_fills_the_list_anew(books: str) -> None:
    tamper(books, f"DELETE FROM listed_breaks {_OF}")

    with pytest.raises(NotAllowed, match="tieout_app may not write the list of breaks"):
        relisted(url_as(books, APPLICATION_ROLE, login=True))

    assert checked(books).wrong == 1
