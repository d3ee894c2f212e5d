"""A pack's page in a real browser: self-contained, readable, accessible, printable."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from reports.files.write import write_pack
from reports.pack import Pack
from reports.tables.contents import grids
from tests.browser.conftest import TIMEOUT_S, Browser, served
from tests.conftest import PostgresServer
from tests.harness.books.reports import EVENING, STEM, fill, pack_of, run

#: Printable width of A4 landscape, in CSS pixels.
PAPER = 1054
SECTION = """
const section = document.getElementById(arguments[0]);
const texts = (row) => [...row.cells].map((c) => [...c.querySelectorAll('.v')].length);
const table = section.querySelector('table');
return {
  heading: section.querySelector('h2').textContent,
  empty: section.querySelector('.empty')?.textContent ?? null,
  headings: table ? texts(table.tHead.rows[0]) : [],
  scopes: table ? [...table.querySelectorAll('th')].every((th) => th.scope) : true,
  rows: table ? [...table.tBodies[0].rows].map(texts) : [],
  caption: table ? table.caption.textContent : null,
};
"""
CHARTS = """
return [...document.querySelectorAll('.charts figure')].map((figure) => {
  const box = figure.querySelector('svg').getBoundingClientRect();
  const bars = [...figure.querySelectorAll('.mark-rect path')];
  const drawn = bars.filter((bar) => bar.getBoundingClientRect().width > 0);
  return {area: box.width * box.height, drawn: drawn.length,
          label: figure.getAttribute('aria-label')};
});
"""
# Overflowing content: the page itself, or ids wider than their cells.
OVERFLOWING = """
const wide = [...document.querySelectorAll('tbody .code')].filter(
  (each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.textContent);
const page = document.documentElement;
return page.scrollWidth > page.clientWidth ? [...wide, 'the page'] : wide;
"""
# Tables wider than the paper.
TOO_WIDE = """
return [...document.querySelectorAll('table')].filter(
  (table) => table.getBoundingClientRect().right > arguments[0] + 1
).map((table) => table.caption.textContent);
"""
# Texts whose WCAG 2 contrast with the first background behind them is too low.
LOW_CONTRAST = """
const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map(
  (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (each) => {
  for (; each; each = each.parentElement) {
    const colour = numbers(getComputedStyle(each).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const texts = [...document.querySelectorAll('h1, h2, p, a, b, span, figcaption')];
return texts.filter((each) => each.textContent.trim()).map((each) => {
  const [more, less] = [light(numbers(getComputedStyle(each).color)), light(behind(each))]
    .sort((a, b) => b - a);
  return [(more + 0.05) / (less + 0.05), each.className + ' ' + each.textContent];
}).filter(([ratio]) => ratio < 4.5);
"""
FOCUSED = """
const each = document.activeElement;
const style = getComputedStyle(each);
return {tag: each.tagName, outline: style.outlineStyle, width: style.outlineWidth,
        to: each.getAttribute('href') ?? each.getAttribute('aria-label')};
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A pack's page: its URL, the paths requested from its server, the pack, and the file."""

    url: str
    requested_paths: list[str]
    pack: Pack
    file: Path


@pytest.fixture(scope="module")
def page(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    postgres.clone("browsed")
    database = postgres.url("browsed")
    fill(database)
    run(database)
    pack = pack_of(database, at=EVENING)
    folder = tmp_path_factory.mktemp("pack")
    write_pack(pack, folder)
    with served(folder) as site:
        yield Page(
            f"{site.url}/{STEM}.html", site.requested_paths, pack, folder / f"{STEM}.html"
        )
    postgres.drop("browsed")


@pytest.fixture
def opened(browser: Browser, page: Page) -> Iterator[Browser]:
    """The browser with the page just opened on a wide screen."""
    browser.set_media("screen")
    browser.open(page.url)
    yield browser
    browser.set_media("screen")


def test_the_page_requests_only_itself_and_logs_nothing(browser: Browser, page: Page) -> None:
    browser.console_messages()
    browser.requested_urls()
    page.requested_paths.clear()
    browser.open(page.url)
    assert browser.console_messages() == []
    # A slow browser may still load its own start page.
    own = ("data:", "chrome://")
    assert {url for url in browser.requested_urls() if not url.startswith(own)} == {page.url}
    assert page.requested_paths == [f"/{STEM}.html"]


def test_every_table_shows_a_heading_and_all_rows_or_why_it_has_none(
    opened: Browser, page: Page
) -> None:
    for grid in grids(page.pack):
        section = opened.evaluate(SECTION, grid.slug)
        assert section["heading"] == grid.name
        assert section["scopes"], grid.name
        if grid.rows:
            assert len(section["rows"]) == len(grid.rows)
            assert section["caption"] == grid.name
            assert all(row == section["headings"] for row in section["rows"]), grid.name
        else:
            assert section["empty"] == grid.empty


def test_every_chart_is_drawn_and_labelled(opened: Browser) -> None:
    charts = opened.evaluate(CHARTS)
    assert len(charts) == 4
    for chart in charts:
        assert chart["area"] > 10_000
        assert chart["drawn"] > 0, chart["label"]
        assert chart["label"]


@pytest.mark.parametrize("width", [1440, 900, 480])
def test_nothing_overflows_at_any_window_width(opened: Browser, width: int) -> None:
    opened.set_width(width)
    assert opened.evaluate(OVERFLOWING) == []


def test_every_link_has_a_target_on_the_page(opened: Browser) -> None:
    broken = opened.evaluate(
        "return [...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))"
        ".filter((to) => !to.startsWith('#') || !document.getElementById(to.slice(1)))"
    )
    assert broken == []


def test_a_difference_links_to_its_break(opened: Browser, page: Page) -> None:
    link = opened.driver.find_element(By.CSS_SELECTOR, "#differences tbody a")
    break_id = link.text
    opened.evaluate("arguments[0].click()", link)
    WebDriverWait(opened.driver, TIMEOUT_S).until(
        lambda _: opened.evaluate(
            "const row = document.querySelector(':target');"
            "if (!row) return false;"
            "const box = row.getBoundingClientRect();"
            "return box.bottom > 0 && box.top < innerHeight"
        )
    )
    target = opened.driver.find_element(By.CSS_SELECTOR, "#breaks tr:target .v")
    assert target.text == break_id
    assert break_id in {break_.break_id for break_ in page.pack.breaks}


def test_every_text_has_enough_contrast(opened: Browser) -> None:
    assert opened.evaluate(LOW_CONTRAST) == []


def test_the_keyboard_reaches_links_and_tables_with_a_visible_focus(opened: Browser) -> None:
    body = opened.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    first = opened.evaluate(FOCUSED)
    assert (first["tag"], first["to"]) == ("A", "#statement")
    assert (first["outline"], first["width"]) == ("solid", "3px")
    is_reachable = opened.evaluate(
        "return [...document.querySelectorAll('.scroll')].every("
        "(each) => each.tabIndex === 0 && each.getAttribute('aria-label'))"
    )
    assert is_reachable


def test_in_print_every_table_fits_and_the_navigation_is_hidden(opened: Browser) -> None:
    opened.set_media("print")
    opened.set_width(PAPER)
    assert opened.evaluate(TOO_WIDE, PAPER) == []
    assert (
        opened.evaluate("return getComputedStyle(document.querySelector('nav')).display")
        == "none"
    )


def test_the_first_printed_page_holds_the_statement(opened: Browser) -> None:
    opened.set_media("print")
    opened.set_width(PAPER)
    bottom = opened.evaluate(
        "return document.querySelector('.first').getBoundingClientRect().bottom"
    )
    assert bottom < PAPER * (210 - 18) / (297 - 18)
    page_break = opened.evaluate(
        "return getComputedStyle(document.getElementById('at-a-glance')).breakBefore"
    )
    assert page_break == "page"


@pytest.mark.parametrize(
    ("original", "spoiled", "script"),
    [
        ("--soft: #54616f", "--soft: #9aa5b1", LOW_CONTRAST),
        (
            ".code { overflow-wrap: anywhere; }",
            ".code { width: 3em; min-width: 0 !important; overflow: hidden; }",
            OVERFLOWING,
        ),
        (
            "body { max-width: none;",
            "table { width: 1600px; } body { max-width: none;",
            TOO_WIDE,
        ),
    ],
)
def test_a_spoiled_page_fails_the_checks(
    browser: Browser, page: Page, original: str, spoiled: str, script: str
) -> None:
    text = page.file.read_text(encoding="utf-8")
    assert original in text
    page.file.with_name("spoiled.html").write_text(text.replace(original, spoiled), "utf-8")
    browser.open(page.url.replace(STEM, "spoiled"), width=PAPER)
    browser.set_media("print" if script is TOO_WIDE else "screen")
    assert browser.evaluate(script, PAPER) != []


def test_a_request_of_the_page_is_blocked_by_its_own_policy_and_noticed(
    browser: Browser, page: Page
) -> None:
    text = page.file.read_text(encoding="utf-8")
    requesting = text.replace("<main>", '<main><img alt="" src="asked-for.png">')
    page.file.with_name("asking.html").write_text(requesting, "utf-8")
    browser.console_messages()
    page.requested_paths.clear()
    browser.open(page.url.replace(STEM, "asking"))
    assert "Content Security Policy" in " ".join(browser.console_messages())
    assert page.requested_paths == ["/asking.html"]
