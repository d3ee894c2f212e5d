"""Statements uploaded in a browser: previewed, then imported by their digest, or dropped."""

import io
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from providers.sportsbook.feed import COLUMNS
from storage.jobs.model import JobState
from tests.harness.books.console import ConsoleBooks
from tests.harness.books.scheduler import Scheduler
from tests.harness.servers.console import ConsoleSite, PageClient, Reply, serving

HEADER = ",".join(COLUMNS) + "\n"
STATEMENT = HEADER + "".join(
    f"t-{number},bet,alice,EUR,5.00,,2026-03-01T10:{number:02d}:00Z\n" for number in range(3)
)
COUNTS = "SELECT (SELECT count(*) FROM feed_files), (SELECT count(*) FROM feed_versions)"


@pytest.fixture(scope="module")
def scheduler(console_books: ConsoleBooks) -> Scheduler:
    return Scheduler(console_books)


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> PageClient:
    return site.browser_of("maria")


def upload(client: PageClient, name: str, content: bytes) -> Reply:
    """Send the upload form of the provider's page with one file."""
    page = client.get("/feeds/lottery")
    fields = {name: page.field(name) for name in ("form_token", "request_key")}
    return client.send_files("/feeds/lottery/upload", fields, ("statement", name, content))


def details(scheduler: Scheduler, reply: Reply) -> dict[str, Any]:
    job = scheduler.run(reply.location)
    assert job.result is not None, job.error
    return dict(job.result.details)


def test_a_statement_is_previewed_then_exactly_its_bytes_are_imported_once(
    maria: PageClient, scheduler: Scheduler, console_books: ConsoleBooks
) -> None:
    before = console_books.rows(COUNTS)
    requested = upload(maria, "march.csv", STATEMENT.encode())
    job = scheduler.run(requested.location)
    page = maria.get(requested.location)
    stored = console_books.rows(COUNTS)
    wrong = maria.submit(requested.location, f"{requested.location}/import", sha256="0" * 64)
    refused = scheduler.run(wrong.location)
    fields = {"sha256": page.field("sha256")}
    confirmed = maria.submit(requested.location, f"{requested.location}/import", **fields)
    done = scheduler.run(confirmed.location)
    again = maria.submit(requested.location, f"{requested.location}/import", **fields)

    assert job.state is JobState.DONE, job.error
    assert "march.csv would bring 3 new and 0 changed records; 0 are known." in page.shown()
    assert "2026-03-01 3" in page.shown()
    assert "transaction_id" in page.shown()
    assert stored == before
    assert refused.state is JobState.FAILED
    assert done.result is not None, done.error
    assert done.result.summary == "march.csv: 3 records are new or changed."
    assert console_books.rows(
        "SELECT count(*) FROM feed_records WHERE source = 'march.csv'"
    ) == [(3,)]
    assert again.status == 409
    assert maria.get(f"{requested.location}/files/1").status == 404
    assert "march.csv" in maria.get("/feeds/lottery").shown()
    assert details(scheduler, upload(maria, "april.csv", STATEMENT.encode()))["known"]


def test_unreadable_lines_and_other_columns_are_shown_with_settings_to_paste(
    maria: PageClient, scheduler: Scheduler, console_books: ConsoleBooks
) -> None:
    before = console_books.rows(COUNTS)
    script = "<script>alert(1)</script>"
    header, *lines = STATEMENT.replace(",amount", ",Amount").splitlines()
    other = "\n".join([f"{header},{script}", *(f"{line},{script}" for line in lines), ""])
    requested = upload(maria, f"{script}.csv", other.encode())
    found = details(scheduler, requested)
    page = maria.get(requested.location)
    broken = details(scheduler, upload(maria, "b.csv", (STATEMENT + "t-9,bet,x\n").encode()))

    assert not found["importable"]
    assert found["findings"]
    assert "columns" in found["suggestion"]["settings"]
    assert script not in page.text
    assert found["mapping"]["missing"] == ["amount"]
    assert "No column for amount." in page.shown()
    assert broken["findings"][0]["line"] == 5
    assert broken["counts"]["refused"] == 1
    assert console_books.rows(COUNTS) == before


def test_deep_nesting_and_empty_files_are_findings_and_dropping_leaves_nothing(
    maria: PageClient, scheduler: Scheduler, console_books: ConsoleBooks
) -> None:
    before = console_books.rows(COUNTS)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<a>" * 1_000_000)
    requested = upload(maria, "bomb.xlsx", bomb.getvalue())
    found = details(scheduler, requested)
    empty = scheduler.run(upload(maria, "empty.csv", b"").location)
    missing = upload(maria, "", b"")
    dropped = maria.submit(requested.location, f"{requested.location}/drop")

    assert not found["importable"]
    assert found["findings"]
    assert (empty.state, missing.status) == (JobState.FAILED, 400)
    assert "empty.csv is empty" in str(empty.error)
    assert dropped.location == "/feeds/lottery?done=dropped"
    assert "/import" not in maria.get(requested.location).text
    assert console_books.rows(COUNTS) == before


def test_feeds_are_listed_with_what_is_wrong_and_viewers_see_no_forms(
    site: ConsoleSite, maria: PageClient
) -> None:
    viewer = site.browser_of("only viewer")

    assert "lottery" in maria.get("/feeds").shown()
    assert "Upload a statement" in maria.get("/feeds/lottery").shown()
    assert "Upload a statement" not in viewer.get("/feeds/lottery").shown()
    assert maria.get("/feeds/nobody").status == 404


def test_the_list_names_what_the_last_day_waits_for(site: ConsoleSite) -> None:
    config = site.console.config

    def waiting(*arguments: Any) -> list[Any]:
        days = config.listed_days(*arguments)
        return [replace(day, waits_for=("no statement came",), closed=None) for day in days]

    console = replace(site.console, config=replace(config, listed_days=waiting))
    with serving(console) as silent:
        page = silent.browser_of("maria").get("/feeds")

    assert "lottery has not reported all of the last day." in page.shown()
    assert "no statement came" in page.shown()
