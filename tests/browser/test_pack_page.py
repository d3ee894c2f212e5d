"""A pack's page in a real browser: it asks for nothing else, and all of it can be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from reports.report import Pack
from reports.tables.contents import grids
from reports.write import write_pack
from tests.browser.conftest import PATIENCE_S, Browser, served
from tests.conftest import TEMPLATE, PostgresServer
from tests.harness.books.reports import EVENING, STEM, fill, pack_of, run

#: Width of what is printed on A4, landscape, less its margins, in pixels of CSS.
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
# What is wider than its place: the page itself, or an id in its cell.
CUT = """
const wide = [...document.querySelectorAll('tbody .code')].filter(
  (each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.textContent);
const page = document.documentElement;
return page.scrollWidth > page.clientWidth ? [...wide, 'the page'] : wide;
"""
# Tables that do not fit: on paper nobody can scroll.
BEYOND = """
return [...document.querySelectorAll('table')].filter(
  (table) => table.getBoundingClientRect().right > arguments[0] + 1
).map((table) => table.caption.textContent);
"""
# Contrast by WCAG 2: of every text against the first background behind it.
FAINT = """
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
    """A pack's page where the browser finds it, the pack it shows, and where its file is."""

    url: str
    asked: list[str]
    pack: Pack
    file: Path


@pytest.fixture(scope="module")
def page(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    postgres.execute(f"CREATE DATABASE browsed TEMPLATE {TEMPLATE}")
    database = postgres.url("browsed")
    fill(database)
    run(database)
    pack = pack_of(database, at=EVENING)
    folder = tmp_path_factory.mktemp("pack")
    write_pack(pack, folder)
    with served(folder) as site:
        yield Page(f"{site.url}/{STEM}.html", site.asked, pack, folder / f"{STEM}.html")
    postgres.execute("DROP DATABASE browsed WITH (FORCE)")


@pytest.fixture
def opened(browser: Browser, page: Page) -> Iterator[Browser]:
    """The page as it is when it was just opened, on a wide screen."""
    browser.media("screen")
    browser.open(page.url)
    yield browser
    browser.media("screen")


def test_the_page_asks_for_itself_alone_and_complains_of_nothing(
    browser: Browser, page: Page
) -> None:
    browser.complaints()
    browser.requested()
    page.asked.clear()
    browser.open(page.url)
    assert browser.complaints() == []
    assert {url for url in browser.requested() if not url.startswith("data:")} == {page.url}
    assert page.asked == [f"/{STEM}.html"]


def test_every_table_has_a_heading_and_all_its_rows_or_says_why_it_has_none(
    opened: Browser, page: Page
) -> None:
    for grid in grids(page.pack):
        told = opened.ask(SECTION, grid.slug)
        assert told["heading"] == grid.name
        assert told["scopes"], grid.name
        if grid.rows:
            assert len(told["rows"]) == len(grid.rows)
            assert told["caption"] == grid.name
            assert all(row == told["headings"] for row in told["rows"]), grid.name
        else:
            assert told["empty"] == grid.empty


def test_every_chart_is_drawn_and_says_what_it_shows(opened: Browser) -> None:
    charts = opened.ask(CHARTS)
    assert len(charts) == 3
    for chart in charts:
        assert chart["area"] > 10_000
        assert chart["drawn"] > 0, chart["label"]
        assert chart["label"]


@pytest.mark.parametrize("width", [1440, 900, 480])
def test_nothing_is_cut_however_narrow_the_window_is(opened: Browser, width: int) -> None:
    opened.widen(width)
    assert opened.ask(CUT) == []


def test_every_link_leads_somewhere_on_the_page(opened: Browser) -> None:
    lost = opened.ask(
        "return [...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))"
        ".filter((to) => !to.startsWith('#') || !document.getElementById(to.slice(1)))"
    )
    assert lost == []


def test_a_difference_leads_to_its_break(opened: Browser, page: Page) -> None:
    link = opened.driver.find_element(By.CSS_SELECTOR, "#differences tbody a")
    wanted = link.text
    opened.ask("arguments[0].click()", link)
    WebDriverWait(opened.driver, PATIENCE_S).until(
        lambda _: opened.ask(
            "const row = document.querySelector(':target');"
            "if (!row) return false;"
            "const box = row.getBoundingClientRect();"
            "return box.bottom > 0 && box.top < innerHeight"
        )
    )
    found = opened.driver.find_element(By.CSS_SELECTOR, "#breaks tr:target .v")
    assert found.text == wanted
    assert wanted in {each.break_id for each in page.pack.breaks}


def test_every_text_stands_out_from_what_is_behind_it(opened: Browser) -> None:
    assert opened.ask(FAINT) == []


def test_the_keyboard_reaches_links_and_tables_and_shows_where_it_is(opened: Browser) -> None:
    body = opened.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    first = opened.ask(FOCUSED)
    assert (first["tag"], first["to"]) == ("A", "#about")
    assert (first["outline"], first["width"]) == ("solid", "3px")
    reached = opened.ask(
        "return [...document.querySelectorAll('.scroll')].every("
        "(each) => each.tabIndex === 0 && each.getAttribute('aria-label'))"
    )
    assert reached


def test_on_paper_every_table_fits_and_navigation_is_gone(opened: Browser) -> None:
    opened.media("print")
    opened.widen(PAPER)
    assert opened.ask(BEYOND, PAPER) == []
    assert (
        opened.ask("return getComputedStyle(document.querySelector('nav')).display") == "none"
    )


def test_the_first_page_holds_the_summary(opened: Browser) -> None:
    opened.media("print")
    opened.widen(PAPER)
    bottom = opened.ask(
        "return document.querySelector('.first').getBoundingClientRect().bottom"
    )
    assert bottom < PAPER * (210 - 18) / (297 - 18)
    broken = opened.ask(
        "return getComputedStyle(document.getElementById('at-a-glance')).breakBefore"
    )
    assert broken == "page"


@pytest.mark.parametrize(
    ("was", "spoiled", "script"),
    [
        ("--soft: #54616f", "--soft: #9aa5b1", FAINT),
        (
            ".code { overflow-wrap: anywhere; }",
            ".code { width: 3em; min-width: 0 !important; overflow: hidden; }",
            CUT,
        ),
        ("body { max-width: none;", "table { width: 1600px; } body { max-width: none;", BEYOND),
    ],
)
def test_a_spoiled_page_would_be_noticed(
    browser: Browser, page: Page, was: str, spoiled: str, script: str
) -> None:
    text = page.file.read_text(encoding="utf-8")
    assert was in text
    page.file.with_name("spoiled.html").write_text(text.replace(was, spoiled), "utf-8")
    browser.open(page.url.replace(STEM, "spoiled"), width=PAPER)
    browser.media("print" if script is BEYOND else "screen")
    assert browser.ask(script, PAPER) != []


def test_a_page_that_asks_for_more_is_refused_by_itself_and_noticed(
    browser: Browser, page: Page
) -> None:
    text = page.file.read_text(encoding="utf-8")
    asking = text.replace("<main>", '<main><img alt="" src="asked-for.png">')
    page.file.with_name("asking.html").write_text(asking, "utf-8")
    browser.complaints()
    page.asked.clear()
    browser.open(page.url.replace(STEM, "asking"))
    assert "Content Security Policy" in " ".join(browser.complaints())
    assert page.asked == ["/asking.html"]
