"""``tieout provider conformance`` against a real receiver, a broken one, and none at all."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ops.commands.provider.conformance_hooks import roster, target_of
from ops.providers.configured import ConfiguredProvider, configured
from ops.settings.loader import load
from providers.registry import DIALECTS
from simulator.conformance.catalogue import CATALOGUE
from simulator.conformance.target import ConformancePlayer
from tests.harness.books.bookkeeper import (
    AcceptsAnySender,
    Bookkeeper,
    BooksRepeatsAgain,
    serve_bookkeeper,
)
from tests.harness.providers.speaker import literal, secret_of
from tests.harness.servers.ports import free_port
from tests.harness.servers.receiver import (
    OLD_SECRET,
    SECRET,
    LedgerDatabase,
    TieoutProcess,
    receivers,
)

SETTINGS = """
mode = "test"
[receiver]
read_timeout = "2s"
drain_timeout = "5s"
""" + "".join(
    f"""
[[providers]]
slug = "the-{dialect}"
dialect = "{dialect}"
currency = "USD"
secrets = [{literal(secret_of(dialect, SECRET))}, {literal(secret_of(dialect, OLD_SECRET))}]
"""
    for dialect in DIALECTS
)


def examined(tieout: TieoutProcess, slug: str, *words: str) -> tuple[int, dict[str, Any]]:
    ran = tieout.command("provider", "conformance", slug, "--json", *words)
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def names(told: dict[str, Any], result: str) -> set[str]:
    return {one["name"] for one in told["scenarios"] if one["result"] == result}


def failures(told: dict[str, Any]) -> list[Any]:
    return [
        (one["name"], one["steps"][-1])
        for one in told["scenarios"]
        if one["result"] == "failed"
    ]


def test_every_dialect_passes_against_a_real_receiver_and_the_books_hold(
    tmp_path: Path, database: str, broker_url: str
) -> None:
    with receivers(tmp_path, database, broker_url, processes=2, settings=SETTINGS) as (
        door,
        (tieout, _),
    ):
        url = f"http://127.0.0.1:{door.port}"
        for dialect in DIALECTS:
            code, told = examined(tieout, f"the-{dialect}", "--url", url)

            assert failures(told) == []
            assert code == 0
            assert told["dialect"] == dialect
            assert [one["name"] for one in told["scenarios"]] == [one.name for one in CATALOGUE]
            skipped = [one for one in told["scenarios"] if one["result"] == "not applicable"]
            assert told["passed"] == len(CATALOGUE) - len(skipped) > len(CATALOGUE) / 2
            assert all(one["reason"] and not one["steps"] for one in skipped)
    books = LedgerDatabase(database)
    assert books.failed_checks() == []
    books.close()


def test_the_table_names_every_scenario_and_a_seed_is_good_for_one_run(
    tmp_path: Path, database: str, broker_url: str
) -> None:
    with receivers(tmp_path, database, broker_url, settings=SETTINGS) as (door, (tieout,)):
        url = f"http://127.0.0.1:{door.port}"
        words = ("provider", "conformance", "the-xigs", "--url", url, "--seed", "7")
        shown = tieout.command(*words)
        again = tieout.command(*words)

    assert shown.returncode == 0
    assert [one.name for one in CATALOGUE if one.name not in shown.stdout] == []
    assert "0 failed" in shown.stdout
    assert "seed 7" in shown.stdout
    assert SECRET.decode() not in shown.stdout
    assert again.returncode == 2
    assert "not known yet" in again.stderr


@contextmanager
def in_a_thread(bookkeeper: Bookkeeper) -> Iterator[str]:
    """A bookkeeper that answers while this thread waits for a command; its URL."""
    loop = asyncio.new_event_loop()
    urls: list[str] = []
    ready = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        async with serve_bookkeeper(bookkeeper) as url:
            urls.append(url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "tieout.toml").write_text(SETTINGS)
    return tmp_path


def entry(place: Path, slug: str) -> ConfiguredProvider:
    return configured(load(place / "tieout.toml", {}))[slug]


def foreign(
    place: Path, slug: str, kind: type[Bookkeeper], *words: str
) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Examine somebody else's receiver with players that it knows."""
    found = entry(place, slug)
    bookkeeper = kind(found.provider, found.dialect.name)
    text = roster(target_of(found), seed=1)
    (place / "players.csv").write_text(text)
    for line in text.splitlines()[1:]:
        player, _currency, _balance, handle = line.split(",")
        bookkeeper.open(ConformancePlayer(player=player, handle=handle, opening=10_000))
    # No database is to be found at these addresses: it must not be looked for.
    tieout = TieoutProcess(
        place, "postgresql://nowhere.invalid/x", "redis://nowhere.invalid/0", "--help"
    )
    try:
        with in_a_thread(bookkeeper) as url:
            given = ("--url", url, "--players", "players.csv", "--no-import", *words)
            ran = tieout.command("provider", "conformance", slug, "--json", *given)
    finally:
        tieout.kill()
    return ran, names(json.loads(ran.stdout), "failed") if ran.stdout else set()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_foreign_receiver_is_examined_without_any_books_of_ours(
    place: Path, dialect: str
) -> None:
    ran, failed = foreign(place, f"the-{dialect}", Bookkeeper)

    assert failed == set()
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert "blocked_player" in names(told, "not applicable")


def test_a_receiver_that_books_repeats_anew_fails_where_repeats_are_concerned(
    place: Path,
) -> None:
    ran, failed = foreign(place, "the-aggregator", BooksRepeatsAgain)

    assert ran.returncode == 1
    assert failed == {
        "duplicate",
        "duplicate_win",
        "concurrent_duplicates",
        "changed_duplicate",
        "declined_bet_repeated",
        "reorder",
        "form_body",
        "errors_name_no_balance",
    }


def test_a_receiver_that_reads_no_signature_fails_where_signatures_are_concerned(
    place: Path,
) -> None:
    ran, failed = foreign(place, "the-sportsbook", AcceptsAnySender)

    assert ran.returncode == 1
    assert failed == {
        "signature_missing",
        "signature_wrong",
        "signature_of_another_secret",
        "changed_after_signing",
        "errors_name_no_balance",
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("the-xigs",), 3, "no receiver listens"),
        (("nobody",), 2, "no provider is called nobody"),
        (("the-xigs", "--no-import"), 2, "--no-import needs --players"),
    ],
)
def test_what_cannot_be_played_is_said_in_a_sentence(
    place: Path, database: str, broker_url: str, words: tuple[str, ...], code: int, said: str
) -> None:
    tieout = TieoutProcess(place, database, broker_url, "--help")
    try:
        url = f"http://127.0.0.1:{free_port()}"
        ran = tieout.command("provider", "conformance", *words, "--url", url)
    finally:
        tieout.kill()

    assert ran.returncode == code
    assert said in " ".join(ran.stderr.replace("│", " ").split())


def test_too_few_players_are_not_enough(place: Path) -> None:
    (place / "few.csv").write_text("player,currency,balance\na,USD,100.00\n")
    tieout = TieoutProcess(
        place, "postgresql://nowhere.invalid/x", "redis://nowhere.invalid/0", "--help"
    )
    found = entry(place, "the-xigs")
    try:
        with in_a_thread(Bookkeeper(found.provider, "xigs")) as url:
            given = ("--url", url, "--players", "few.csv", "--no-import")
            ran = tieout.command("provider", "conformance", "the-xigs", *given)
    finally:
        tieout.kill()

    assert ran.returncode == 2
    assert f"at least {len(CATALOGUE)} players" in ran.stderr
