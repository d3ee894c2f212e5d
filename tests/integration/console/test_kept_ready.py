"""What the console does behind the pages: nobody waits for it, and pages show the same."""

import re
from datetime import date, timedelta
from threading import Event
from zoneinfo import ZoneInfo

import pytest

from console.pages.corrected_rounds import kept_key, known_beginnings
from console.rendering import environment
from console.warming import AFTER_ROUND, keep_warm
from ledger.corrections.adjustments import book_approved
from ops.commands.daemons.console import open_console
from reconcile.days.corrections import DayCorrection, corrections_in_rounds, corrections_of
from reconcile.days.day_sums import SummedDay
from reconcile.days.summing import keep_sums
from reconcile.days.sums import read_breaks
from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.books.differences.breaks import EVENING
from tests.harness.plans import recorded
from tests.harness.servers.api import ApiClient, json_of, token_for
from tests.harness.servers.console import ConsoleSite, PageClient, serving
from vocabulary.clock import SystemClock
from vocabulary.window import day_window

PAGE = f"/days/lottery/{DAY}"


class OneRound(Event):
    """Stops before the second round, and waits for nothing."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout == AFTER_ROUND.total_seconds():
            self.set()
        return self.is_set()


class StoppedAtOnce(Event):
    """Is set as soon as somebody waits."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> PageClient:
    return site.browser_of("maria")


def propose(site: ConsoleSite, books: ConsoleBooks, round_id: str) -> None:
    """A correction of a break as the other side has it."""
    client = ApiClient(site.port, token_for(site, "maria"))
    page = f"/breaks/{books.break_of(round_id)}"
    reply = client.act(f"{page}/propose", {"reason": "their line is right"}, of=page)
    assert reply.status == 200, reply.text


def listed(site: ConsoleSite) -> list[DayCorrection]:
    """The corrections of the day, as its page and the API read them."""
    zone = ZoneInfo(site.console.config.zones["lottery"])
    window = day_window(EVENING.astimezone(zone).date(), zone)
    with site.console.readers.connect() as connection:
        known = known_beginnings(site.console, connection, "lottery")
        return corrections_of(connection, "lottery", window, {}, known)


def in_rounds(site: ConsoleSite) -> int:
    """How many corrections the rounds of the day have."""
    window = day_window(date.fromisoformat(DAY), ZoneInfo(site.console.config.zones["lottery"]))
    with site.console.readers.connect() as connection:
        by_day = corrections_in_rounds(connection, "lottery", window, "UTC")
        (breaks,) = read_breaks(connection, [("lottery", window)])
    assert breaks.corrections == sum(by_day.values())
    return breaks.corrections


def test_corrections_of_a_day_are_the_same_once_their_rounds_are_kept(
    site: ConsoleSite, console_books: ConsoleBooks, maria: PageClient
) -> None:
    propose(site, console_books, "r5")
    before = listed(site)
    assert site.console.kept.age(kept_key("lottery")) is None
    keep_warm(site.console, OneRound())

    with recorded(site.console.readers) as statements:
        assert listed(site) == before
        shown = maria.get(PAGE).shown()
    assert [item.round_id for item in before] == ["r5"]
    assert "their line is right" in shown
    assert not [statement for statement, _ in statements if "min(first_at)" in statement]

    propose(site, console_books, "r7")
    assert {item.round_id for item in listed(site)} == {"r5", "r7"}
    client = ApiClient(site.port, token_for(site, "only viewer"))
    by_api = json_of(client.get(PAGE))["corrections"]
    assert sorted(item["round_key"] for item in by_api) == ["r5", "r7"]


def test_a_booked_correction_is_in_the_figures_of_every_page_at_once(
    site: ConsoleSite, console_books: ConsoleBooks, maria: PageClient
) -> None:
    span = f"from={DAY}&to={DAY}"
    pages = {
        f"/?day={DAY}": "Unexplained: {} EUR",
        f"/days/sign-off?day={DAY}": "in breaks of lottery in EUR {} ",
        PAGE: "unexplained {}",
        f"/totals?{span}": "{} unexplained",
        f"/totals?{span}&by=game": "{} unexplained",
        f"/trends?{span}": "{} unexplained",
    }
    propose(site, console_books, "r9")
    before = {page: maria.get(page).shown() for page in pages}

    page = f"/breaks/{console_books.break_of('r9')}"
    ApiClient(site.port, token_for(site, "jonas")).act(f"{page}/approve", {}, of=page)
    [(proposal,)] = console_books.rows("SELECT id FROM adjustments WHERE state = 'approved'")
    engine, now = console_books.books.engine, site.console.clock.now()
    book_approved(engine, str(proposal), now=now)
    booked = {page: maria.get(page).shown() for page in pages}
    waiting = in_rounds(site)
    console_books.run("breaks", "approve", console_books.break_of("r9"), by="jonas")
    after = {page: maria.get(page).shown() for page in pages}

    assert (waiting, in_rounds(site)) == (0, 1)
    for page, words in pages.items():
        assert words.format("0.00") in before[page], page
        assert words.format("0.00") in booked[page], page
        assert words.format("1.00" if page.startswith("/?") else "+1.00") in after[page], page


def test_a_change_of_a_day_that_was_added_up_is_on_every_page_at_once(
    site: ConsoleSite, console_books: ConsoleBooks, maria: PageClient
) -> None:
    zone = site.console.config.zones["lottery"]
    day, clock = date.fromisoformat(DAY), SystemClock()
    span = f"from={DAY}&to={DAY}"
    pages = {
        f"/?day={DAY}": r"Unexplained: (\S+) EUR",
        f"/days/sign-off?day={DAY}": r"of lottery in EUR (\S+) ",
        f"/totals?{span}": r"(\S+) unexplained",
        f"/trends/lateness.csv?{span}": r'"lottery",(\d+)',
    }

    def figures(reader: PageClient) -> dict[str, list[str]]:
        replies = {page: reader.get(page) for page in pages}
        return {
            page: re.findall(pages[page], reply.shown() or reply.text)
            for page, reply in replies.items()
        }

    before = figures(maria)
    summed = SummedDay(
        provider="lottery", day=day, zone=zone, window=day_window(day, ZoneInfo(zone))
    )
    assert keep_sums(console_books.books.engine, [summed], clock) == 1
    kept = figures(maria)
    arrived = str(EVENING + timedelta(hours=9))
    for number in range(12):
        console_books.books.change_record(f"r{number}", stake="110", received_at=arrived)
    after = figures(maria)

    assert kept == before
    assert [page for page in pages if after[page] == before[page] or not after[page]] == []
    with serving(open_console(console_books.context)) as forgetful:
        assert figures(forgetful.browser_of("jonas")) == after


def test_what_everybody_sees_first_is_kept_before_anybody_asks(site: ConsoleSite) -> None:
    site.give_password("only viewer")
    keep_warm(site.console, OneRound())
    month = (site.console.clock.now().date() - timedelta(days=1)).replace(day=1)

    for key in (("open sums",), ("month", month)):
        assert site.console.kept.age(key) is not None
    vera = site.browser()
    with recorded(site.console.readers) as statements:
        assert vera.sign_in("only viewer").status == 303
        assert vera.get("/trends").status == 200
    assert not [statement for statement, _ in statements if "WITH spans AS" in statement]


def test_every_template_is_compiled_unless_the_console_stops(site: ConsoleSite) -> None:
    templates = environment()
    assert templates.cache is not None
    templates.cache.clear()
    keep_warm(site.console, StoppedAtOnce())
    assert len(templates.cache) == 1

    keep_warm(site.console, OneRound())
    assert len(templates.cache) >= len(templates.list_templates())
