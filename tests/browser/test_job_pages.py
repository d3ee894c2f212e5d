"""Jobs in a real browser: a statement is previewed live and imported; pages are accessible."""

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.browser.conftest import Browser
from tests.browser.test_console import (
    AXE,
    DESKTOP,
    OVERFLOW,
    PHONE,
    VIOLATIONS,
    set_scheme,
    signed_in,
    wait,
)
from tests.harness.books.console import DAY, ConsoleBooks, console_books, site
from tests.harness.books.scheduler import Scheduler
from tests.harness.servers.console import ConsoleSite
from tests.integration.console.test_feed_pages import STATEMENT

__all__ = ["console_books", "signed_in", "site"]


@pytest.fixture(scope="module")
def scheduler(console_books: ConsoleBooks) -> Scheduler:
    return Scheduler(console_books)


def press(browser: Browser, text: str) -> None:
    """Press the button that begins with a text."""
    xpath = f"//main//button[starts-with(normalize-space(), '{text}')]"
    browser.driver.find_element(By.XPATH, xpath).click()


def path_of(browser: Browser, site: ConsoleSite) -> str:
    return browser.driver.current_url.removeprefix(site.url)


def test_a_statement_is_previewed_live_and_imported(
    signed_in: Browser, site: ConsoleSite, scheduler: Scheduler, tmp_path: Path
) -> None:
    file = tmp_path / "march.csv"
    file.write_text(STATEMENT)
    signed_in.open(f"{site.url}/feeds/lottery")
    signed_in.driver.find_element(By.ID, "statement").send_keys(str(file))
    press(signed_in, "Show what it would change")
    wait(signed_in, lambda: "/jobs/" in signed_in.driver.current_url)
    preview = path_of(signed_in, site)
    scheduler.run(preview)
    wait(signed_in, lambda: "would bring 3 new" in signed_in.driver.page_source)
    press(signed_in, "Import march.csv")
    wait(signed_in, lambda: path_of(signed_in, site) != preview)
    scheduler.run(path_of(signed_in, site))
    wait(signed_in, lambda: "3 records are new or changed" in signed_in.driver.page_source)

    assert signed_in.console_messages() == []


def test_pages_of_jobs_are_accessible_and_fit(
    signed_in: Browser, site: ConsoleSite, scheduler: Scheduler, tmp_path: Path
) -> None:
    file = tmp_path / "b.csv"
    file.write_text(STATEMENT.replace(",amount", ",Amount"))
    signed_in.open(f"{site.url}/feeds/lottery")
    signed_in.driver.find_element(By.ID, "statement").send_keys(str(file))
    press(signed_in, "Show what it would change")
    wait(signed_in, lambda: "/jobs/" in signed_in.driver.current_url)
    preview = path_of(signed_in, site)
    scheduler.run(preview)
    signed_in.open(f"{site.url}/days/lottery/{DAY}")
    press(signed_in, "Start a run")
    wait(signed_in, lambda: "/jobs/" in signed_in.driver.current_url)
    run = path_of(signed_in, site)
    scheduler.run(run)
    signed_in.open(f"{site.url}/days/lottery/{DAY}")
    press(signed_in, "Start a run")
    wait(signed_in, lambda: "/jobs/" in signed_in.driver.current_url)
    waiting = path_of(signed_in, site)
    pages = ("/days", f"/days/lottery/{DAY}", "/days/what-if", "/jobs", "/feeds")
    faults = {}
    for width, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
        set_scheme(signed_in, scheme)
        for path in (*pages, "/feeds/lottery", preview, run, waiting):
            signed_in.open(site.url + path, width=width)
            if path == "/days":
                signed_in.driver.find_element(By.CSS_SELECTOR, "summary").click()
            signed_in.evaluate(AXE)
            violations = signed_in.driver.execute_async_script(VIOLATIONS)
            overflow = signed_in.evaluate(OVERFLOW)
            if violations or overflow > 0:
                faults[width, path] = (violations, overflow)

    assert faults == {}
    assert signed_in.console_messages() == []
