"""The day of several providers, prepared and signed together; breaks worked kind by kind."""

from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlalchemy import Connection

from reconcile.days.states import DayStatus
from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.console import ConsoleSite, PageClient, serving

PAGE = f"/days/sign-off?day={DAY}"
PREPARE, SIGN = "/days/sign-off/prepare", "/days/sign-off/sign"
ALL = "/breaks/bulk?scope=all"


@pytest.fixture(scope="module")
def maria(site: ConsoleSite, console_books: ConsoleBooks) -> PageClient:
    console_books.run(
        *("day", "close", DAY, "--provider", "lottery", "--reason", "no feed"), by="maria"
    )
    return site.browser_of("maria")


@pytest.fixture(scope="module")
def jonas(site: ConsoleSite) -> PageClient:
    return site.browser_of("jonas")


def fields_of(client: PageClient) -> dict[str, str]:
    page = client.get(PAGE)
    return {name: page.field(name) for name in ("form_token", "day", "provider.lottery")}


def steps(books: ConsoleBooks) -> list[tuple[object, ...]]:
    return books.rows("SELECT action, by_name, reason FROM day_steps ORDER BY number")


def test_a_form_without_a_provider_or_with_an_unknown_one_does_nothing(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    fields = fields_of(maria)
    version = fields.pop("provider.lottery")

    assert maria.post(PREPARE, fields).status == 400
    assert maria.post(PREPARE, {**fields, "provider.none": version}).status == 404
    assert steps(console_books) == []


def test_days_are_prepared_by_one_person_and_signed_by_another(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    seen = fields_of(maria)
    bare = maria.post(PREPARE, seen)
    prepared = maria.post(PREPARE, {**seen, "reason": "asked them"})
    stale = maria.post(SIGN, seen)
    own = maria.get(PAGE)
    to_sign = fields_of(jonas)
    alone = maria.post(SIGN, {**to_sign, "form_token": seen["form_token"]})
    signed = jonas.post(SIGN, to_sign)

    assert "1 refused, and why" in bare.shown()
    assert "reason is expected" in bare.shown()
    assert "1 day is prepared." in prepared.shown()
    assert "1 changed since the page was opened; nothing was done" in stale.shown()
    assert "nothing waits for you" in own.shown()
    assert "maria prepared it: another person signs it" in alone.shown()
    assert "1 day is signed." in signed.shown()
    assert "Write the statement" in signed.shown()
    assert steps(console_books) == [
        ("prepared", "maria", "asked them"),
        ("signed", "jonas", ""),
    ]


def test_a_selection_is_worked_kind_by_kind(maria: PageClient) -> None:
    page = maria.get(ALL)
    link = next(part for part in page.text.split('"') if "kind=missing" in part)
    chosen = maria.get(link.replace("&amp;", "&"))
    fields = {name: chosen.field(name) for name in ("form_token", "versions", "selection")}
    done = maria.post("/breaks/bulk", {**fields, "action": "explain", "reason": "late"})

    assert "14 breaks selected." in page.shown()
    assert "2 breaks selected." in chosen.shown()
    assert "2 breaks are explained." in done.shown()
    assert "Go on with the 14 of the same filters" in done.shown()


def test_a_selection_that_cannot_be_read_changes_nothing(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    page = maria.get(ALL)
    fields = {name: page.field(name) for name in ("form_token", "versions")}
    form = {**fields, "selection": "scope=all&state=none", "action": "comment", "reason": "r"}

    assert maria.post("/breaks/bulk", form).status == 400
    assert console_books.rows("SELECT count(*) FROM break_notes WHERE body = 'r'") == [(0,)]


def test_the_statement_of_a_day_is_offered_with_its_period(maria: PageClient) -> None:
    page = maria.get(f"/reports?first={DAY}&last={DAY}")

    assert page.text.count(f'name="first" type="date" value="{DAY}"') == 2


def test_of_two_who_prepare_a_day_at_once_the_later_one_is_told(
    site: ConsoleSite, maria: PageClient, console_books: ConsoleBooks
) -> None:
    day = f"/days/lottery/{DAY}"
    words = (DAY, "--provider", "lottery", "--reason", "asked them")
    console_books.run("day", "reopen", *words, by="maria")
    console_books.run("day", "close", *words, by="maria")
    read_day, others = site.console.config.day_of, ["jonas"]

    def read_while_another_prepares(
        connection: Connection, slug: str, day: date, now: datetime
    ) -> DayStatus:
        status = read_day(connection, slug, day, now)
        if others:
            console_books.run("day", "prepare", *words, by=others.pop())
        return status

    config = replace(site.console.config, day_of=read_while_another_prepares)
    with serving(replace(site.console, config=config)) as slow:
        client = slow.browser_of("maria")
        late = client.submit(day, f"{day}/prepare", reason="asked them")

    assert late.status == 409
    assert "Somebody was faster" in late.shown()
    assert "somebody took another step meanwhile" in late.shown()
    assert steps(console_books)[-1] == ("prepared", "jonas", "asked them")
