"""The console in a real browser: accessible, quiet, at home on a phone, quick by keyboard."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_core_python
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from providers.sportsbook.feed import COLUMNS
from tests.browser.conftest import TIMEOUT_S, Browser
from tests.harness.books.console import DAY, ConsoleBooks, console_books, site
from tests.harness.books.things import things
from tests.harness.servers.console import PASSWORD, ConsoleSite

__all__ = ["console_books", "site", "things"]

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
VIOLATIONS = """
const done = arguments[0];
const options = {resultTypes: ['violations'], iframes: false};
axe.run(options).then((result) => done(result.violations.map(
  (each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)));
"""
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
PHONE, DESKTOP = 390, 1440
INVOICE = b"currency,ggr,fee\nEUR,6.00,0.61\n"
STATEMENT = (
    ",".join(COLUMNS) + "\nt-1,bet,alice,EUR,5.00,,2026-03-01T10:00:00Z\nneither,of\n"
).encode()


def paths(books: ConsoleBooks) -> list[str]:
    """One address of every page, and of lists with no row and with few."""
    run_id = str(books.rows("SELECT run_id FROM runs LIMIT 1")[0][0])
    return [
        f"/?day={DAY}&month=2026-06",
        *("/days", f"/days/lottery/{DAY}"),
        *("/breaks?state=all", "/breaks?player=nobody"),
        f"/breaks/{books.break_of('r3')}",
        f"/breaks/{books.break_of('lost')}",
        *("/find", f"/find?q=0.40+EUR+{DAY}", "/find?q=nothing+at+all"),
        *(f"/runs/{run_id}", "/people", "/audit", "/audit?person=nobody", "/settings"),
        *("/rounds/lottery/r3", "/rounds/lottery/lost", "/players/ann", "/batches/2"),
        *("/operations/txn-1-2", "/operations/txn-1-1", "/requests/1", "/files/1"),
        *("/operations/txn-1-14", "/seals/2020-01-01", "/seals/2020-01-01?check=now"),
        *(f"/totals?from={DAY}&to={DAY}&by=game", "/totals?from=2026-01-01&to=2026-01-01"),
        *("/disputes", f"/disputes/new?provider=lottery&day={DAY}", "/invoices", "/reports"),
        *(f"/trends?from=2026-05-20&to={DAY}", "/trends?from=2026-01-01&to=2026-01-01"),
        f"/breaks/{books.break_of('r3')}/correct",
        *("/breaks/groups", f"/breaks/groups/{books.group()}"),
        "/breaks/bulk?scope=all&provider=lottery",
        *("/ops", "/ops/queues/post", "/ops/parked", "/settings/notifications"),
        *("/settings/notifications/new", "/settings/notifications/draft"),
        *("/tokens", "/api", "/api/operations/get_breaks", "/api/objects/BreakList"),
        *("/days/what-if", "/feeds", "/feeds/lottery", "/disputes?state=all"),
        *(f"/feeds/lottery/{name}" for name in ("findings", "files", "pulls")),
        *(
            f"/findings/{name}"
            for (name,) in books.rows("SELECT finding_id FROM feed_findings")
        ),
        *("/jobs", "/jobs?by=nobody"),
        *(f"/jobs/{number}" for (number,) in books.rows("SELECT job_id FROM jobs")),
        *(f"/disputes/{name}" for (name,) in books.rows("SELECT dispute_id FROM disputes")),
        *(f"/invoices/{name}" for (name,) in books.rows("SELECT invoice_id FROM invoices")),
    ]


@pytest.fixture(scope="module")
def worked(site: ConsoleSite, things: ConsoleBooks) -> ConsoleBooks:
    """Things with a dispute, an invoice, a previewed statement and a job that waits."""
    maria = site.browser_of("maria")
    chosen = f"/disputes/new?breaks={things.break_of('r0')}"
    hidden = ("form_token", "breaks", "provider", "day", "count")
    opened = maria.submit_fields(chosen, "/disputes/new", hidden, {"note": "please look"})
    dispute = opened.location.partition("?")[0]
    maria.submit(dispute, f"{dispute}/export")
    span = {"provider": "lottery", "first": DAY, "last": DAY, "number": "2026-06"}
    maria.upload("/invoices", "/invoices", ("june.csv", INVOICE), **span)
    page = maria.get("/feeds/lottery")
    fields = {name: page.field(name) for name in ("form_token", "request_key")}
    maria.send_files("/feeds/lottery/upload", fields, ("statement", "june.csv", STATEMENT))
    things.do_jobs()
    maria.submit(f"/days/lottery/{DAY}", f"/days/lottery/{DAY}/run")
    assert things.rows("SELECT count(*) FROM jobs") == [(4,)]
    return things


def sign_in(browser: Browser, site: ConsoleSite, name: str) -> None:
    """Sign in by the form, as a person does."""
    site.give_password(name)
    browser.driver.delete_all_cookies()
    browser.open(f"{site.url}/login")
    browser.driver.find_element(By.ID, "name").send_keys(name)
    browser.driver.find_element(By.ID, "password").send_keys(PASSWORD, Keys.ENTER)
    wait(browser, lambda: "/login" not in browser.driver.current_url)


def wait(browser: Browser, condition: Callable[[], Any]) -> None:
    """Wait until a condition holds in the browser."""
    WebDriverWait(browser.driver, TIMEOUT_S).until(lambda _: condition())


def set_scheme(browser: Browser, scheme: str) -> None:
    """Prefer light or dark."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@pytest.fixture
def signed_in(browser: Browser, site: ConsoleSite) -> Iterator[Browser]:
    """A browser in which maria is signed in."""
    sign_in(browser, site, "maria")
    browser.console_messages()
    browser.requested_urls()
    yield browser
    set_scheme(browser, "light")


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_every_page_is_accessible_quiet_and_fits(
    signed_in: Browser, site: ConsoleSite, worked: ConsoleBooks, width: int, scheme: str
) -> None:
    set_scheme(signed_in, scheme)
    faults = {}
    for path in paths(worked):
        signed_in.open(site.url + path, width=width)
        signed_in.evaluate(AXE)
        violations = signed_in.driver.execute_async_script(VIOLATIONS)
        overflow = signed_in.evaluate(OVERFLOW)
        if violations or overflow > 0:
            faults[path] = (violations, overflow)

    assert faults == {}
    assert signed_in.console_messages() == []
    foreign = [url for url in signed_in.requested_urls() if not url.startswith(site.url)]
    assert [url for url in foreign if not url.startswith(("data:", "chrome"))] == []


def test_signing_in_and_error_pages_are_accessible(browser: Browser, site: ConsoleSite) -> None:
    browser.driver.delete_all_cookies()
    for path in ("/login", "/nothing", "/reset/none"):
        browser.open(site.url + path)
        browser.evaluate(AXE)
        assert browser.driver.execute_async_script(VIOLATIONS) == []
    browser.console_messages()  # Chromium notes each 404


def test_a_list_is_worked_by_keyboard(signed_in: Browser, site: ConsoleSite) -> None:
    signed_in.open(f"{site.url}/breaks")
    body = signed_in.driver.find_element(By.TAG_NAME, "body")
    body.send_keys("j", "j", "k", "j", "x")
    ticked = signed_in.evaluate(
        "return [...document.querySelectorAll('table.pick tbody tr')]"
        ".map((row) => row.querySelector('input').checked).indexOf(true)"
    )
    picked = signed_in.evaluate(
        "return [...document.querySelectorAll('table.pick tbody tr')]"
        ".findIndex((row) => row.classList.contains('picked'))"
    )
    signed_in.driver.switch_to.active_element.send_keys(Keys.ENTER)
    wait(signed_in, lambda: "/breaks/brk-" in signed_in.driver.current_url)
    signed_in.driver.find_element(By.TAG_NAME, "body").send_keys("c")
    focused = signed_in.evaluate("return document.activeElement.id")
    signed_in.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    signed_in.driver.find_element(By.TAG_NAME, "body").send_keys("/")

    assert picked == ticked == 1
    assert focused == "comment"
    assert signed_in.evaluate("return document.activeElement.id") == "find"


def test_a_token_is_made_and_an_operation_is_tried(
    signed_in: Browser, site: ConsoleSite
) -> None:
    signed_in.open(f"{site.url}/tokens")
    name = signed_in.driver.find_element(By.ID, "name")
    name.send_keys("nightly export")
    name.submit()
    wait(signed_in, lambda: signed_in.driver.find_elements(By.CSS_SELECTOR, ".secret"))
    secret = signed_in.driver.find_element(By.CSS_SELECTOR, ".secret").text
    signed_in.open(f"{site.url}/api")
    signed_in.driver.find_element(By.CSS_SELECTOR, "#get_me a").click()
    form = signed_in.driver.find_element(By.CSS_SELECTOR, "form.request")
    form.find_element(By.CSS_SELECTOR, "button").click()
    reply = form.find_element(By.CSS_SELECTOR, "output")
    wait(signed_in, lambda: '"authenticated_by": "session"' in reply.text)

    assert secret.startswith("tieout_api_")
    assert reply.text.splitlines()[1].startswith("200")
    assert '"name": "maria"' in reply.text
    assert signed_in.console_messages() == []


def test_a_break_is_corrected_by_two_people_in_few_clicks(
    signed_in: Browser, site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r9")
    signed_in.open(f"{site.url}/breaks/{break_id}", width=PHONE)
    signed_in.driver.find_element(By.CSS_SELECTOR, "form[action$='/correct'] button").click()
    wait(signed_in, lambda: "/correct" in signed_in.driver.current_url)
    reason = signed_in.driver.find_element(By.ID, "propose-reason")
    reason.send_keys("their line is right")
    reason.submit()
    wait(signed_in, lambda: "done=proposed" in signed_in.driver.current_url)
    proposed = signed_in.driver.find_element(By.CSS_SELECTOR, "[role=status]").text
    offered = signed_in.driver.find_elements(By.CSS_SELECTOR, "form[action$='/approve']")

    sign_in(signed_in, site, "jonas")
    signed_in.open(f"{site.url}/breaks?state=adjustment_proposed", width=PHONE)
    clicks = [
        "tbody th a",
        "form[action$='/approve'] button",
    ]
    for selector in clicks:
        signed_in.driver.find_element(By.CSS_SELECTOR, selector).click()
    wait(signed_in, lambda: "done=approved" in signed_in.driver.current_url)

    assert proposed == "Proposed. Another person decides."
    assert offered == []
    assert console_books.state_of(break_id) == "approved"
