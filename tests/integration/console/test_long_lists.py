"""Lists longer than a page: each row once, figures of the whole; findings are resolved."""

import re
from decimal import Decimal

import pytest
from sqlalchemy import text

from feeds.findings import finding_named
from feeds.round_records import RECORDS_MAX
from ledger.posting.posting import post_all_at
from tests.harness.books.console import SCRIPT, ConsoleBooks
from tests.harness.books.ledger import accept, bet
from tests.harness.servers.api import ApiClient, check_problem, json_of, token_for
from tests.harness.servers.console import ConsoleSite, PageClient, Reply
from vocabulary.ids import match_key

ROWS = 120
#: As many rows of every list; one finding has markup in its texts.
_FILL = """
INSERT INTO feed_findings (finding_id, provider, feed, scope, kind, severity, file, record_id,
                           detail, evidence, first_seen, last_seen)
SELECT 'fnd-' || lpad(to_hex(n), 20, '0'), 'lottery', 'statement', 's', 'unparsable_record',
       CASE WHEN n % 3 = 0 THEN 'error' ELSE 'warning' END, :script, :script, :script,
       jsonb_build_object('line', CAST(:script AS text)), now(), date_trunc('day', now())
  FROM generate_series(1, :rows) n;
INSERT INTO feed_files (provider, feed, name, digest, size, received_at, verdict, records,
                        refused)
SELECT 'lottery', 'statement', 'file ' || n, decode(lpad(to_hex(n), 64, '0'), 'hex'), 1, now(),
       'imported', 0, 0 FROM generate_series(1, :rows) n;
INSERT INTO feed_pulls (provider, feed, window_from, window_to, whole, received, stored,
                        unreadable, pulled_at)
SELECT 'lottery', 'rounds', now() - interval '1 hour', now(), true, n, 0, 0, now()
  FROM generate_series(1, :rows) n;
INSERT INTO disputes (dispute_id, provider, opened_by, opened_at)
SELECT 'dsp-' || lpad(to_hex(n), 20, '0'), 'lottery', 'maria', now()
  FROM generate_series(1, :rows) n;
INSERT INTO invoices (invoice_id, provider, number, number_key, currency, fee, first_day,
                      last_day, claims, file_name, digest, file, received_at)
SELECT 'inv-' || lpad(to_hex(n), 32, '0'), 'lottery', n, n, 'EUR', n, '2026-06-01',
       '2026-06-30', '[]', 'f', decode(lpad(to_hex(n), 64, '0'), 'hex'), '',
       date_trunc('day', now()) FROM generate_series(1, :rows) n;
INSERT INTO invoice_steps (invoice_id, number, action, by_name, eyes, clean, checked)
SELECT invoice_id, 1, 'received', 'maria', '{}', true, :checked FROM invoices
"""
#: Many records of one round.
_RECORDS = """
INSERT INTO feed_records
       (provider, record_id, occurrence, round_id, match_key, handle, currency, stake, payout,
        rolled_back, created_at, updated_at, received_at, source)
SELECT 'lottery', 'long-' || n, 1, 'long', :key, 'ann', 'EUR', 1, 0, false, now(), now(),
       now(), 'push' FROM generate_series(1, :rows) n
"""
_CHECKED = (
    '{"claimed": "1.00", "ours": "1.00", "difference": "0.00", "ties": true, "unsigned": []}'
)


@pytest.fixture(scope="module", autouse=True)
def filled(console_books: ConsoleBooks) -> None:
    with console_books.books.engine.begin() as connection:
        for statement in _FILL.split(";"):
            params = {"rows": ROWS, "script": SCRIPT, "checked": _CHECKED}
            used = {name: params[name] for name in params if f":{name}" in statement}
            connection.execute(text(statement), used)


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> PageClient:
    return site.browser_of("maria")


@pytest.fixture(scope="module")
def program(site: ConsoleSite) -> ApiClient:
    return ApiClient(site.port, token_for(site, "maria"))


@pytest.mark.parametrize(
    ("path", "link", "total"),
    [
        ("/disputes?state=all", r'href="/disputes/(dsp-\w+)"', "120"),
        ("/invoices", r'href="/invoices/(inv-\w+)"', "120"),
        ("/feeds/lottery/findings", r'href="/findings/(fnd-\w+)"', "120"),
        ("/feeds/lottery/files", r'href="/files/(\d+)"', "120"),
        ("/feeds/lottery/pulls", r'data-label="received">(\d+)<', "120"),
        ("/breaks/groups?limit=1", r'href="/breaks/groups/(grp-\w+)"', None),
    ],
)
def test_a_long_list_has_each_row_on_one_page(
    maria: PageClient, path: str, link: str, total: str | None
) -> None:
    rows: list[str] = []
    pages, address = 0, path
    while address:
        page = maria.get(address)
        assert page.status == 200, page.shown()
        listed = re.findall(link, page.text)
        assert 0 < len(listed) <= 50
        rows += listed
        pages += 1
        if total:
            assert f"of {total}" in page.shown()
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        address = following[1].replace("&amp;", "&") if following else ""
        assert SCRIPT not in page.text

    assert len(rows) == len(set(rows))
    assert total is None or (len(rows), pages) == (ROWS, 3)


@pytest.mark.parametrize(
    "path",
    [
        "/disputes?state=all&limit=100",
        "/invoices?limit=100",
        "/feeds/lottery/findings?limit=100",
        "/feeds/lottery/files?limit=100",
        "/feeds/lottery/pulls?limit=100",
    ],
)
def test_the_api_has_the_same_pages(program: ApiClient, path: str) -> None:
    first = json_of(program.get(path))
    second = json_of(program.get(f"{path}&after={first['next']}"))
    rows = [str(item) for item in first["items"] + second["items"]]

    assert (len(first["items"]), len(second["items"])) == (100, 20)
    assert len(set(rows)) == ROWS or "pulls" in path
    assert (first["total"], second["total"], second["next"]) == (ROWS, ROWS, None)


def test_groups_come_in_pages_with_the_sums_of_all(program: ApiClient) -> None:
    whole = json_of(program.get("/breaks/groups"))
    first = json_of(program.get("/breaks/groups?limit=1"))

    assert first["items"] == whole["items"][:1]
    assert (first["groups"], first["breaks"]) == (whole["groups"], whole["breaks"])
    assert whole["groups"] == len(whole["items"])


@pytest.mark.parametrize("path", ["/disputes", "/invoices", "/breaks/groups"])
@pytest.mark.parametrize("query", ["after=nonsense", "after=WyJ4Il0=", "limit=0x", "limit=201"])
def test_a_position_that_is_none_is_refused(maria: PageClient, path: str, query: str) -> None:
    assert maria.get(f"{path}?{query}").status == 400


def test_a_break_with_many_comments_shows_the_last_and_leads_to_the_others(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r1")
    console_books.execute(
        "INSERT INTO break_notes (break_id, at, author, kind, body)"
        f" SELECT '{break_id}', now(), 'jonas', 'comment', 'comment ' || n"
        f" FROM generate_series(1, {ROWS}) n"
    )
    bodies: list[str] = []
    address = f"/breaks/{break_id}"
    while address:
        page = maria.get(address)
        bodies = re.findall(r'class="body">(comment \d+)<', page.text) + bodies
        earlier = re.search(r'href="([^"]+)#notes">[\d ]+earlier<', page.text)
        address = earlier[1] if earlier else ""

    assert bodies == [f"comment {number}" for number in range(1, ROWS + 1)]
    assert maria.get(f"/breaks/{break_id}?notes=x").status == 400


def test_a_long_round_has_its_figures_whole_and_its_operations_in_pages(
    maria: PageClient, program: ApiClient, console_books: ConsoleBooks
) -> None:
    books = console_books.books
    accept(books.url, *(bet(f"long-{n}", 1, round_id="long") for n in range(ROWS)))
    post_all_at(books.url)
    with books.engine.begin() as connection:
        params = {"key": match_key("lottery", "long"), "rows": RECORDS_MAX + 10}
        connection.execute(text(_RECORDS), params)
    address = "/rounds/lottery/long"
    first, rows = maria.get(address), []
    while address:
        page = maria.get(address)
        rows += re.findall(
            r'href="/operations/(txn-[^"]+)"', page.text.partition('id="sources"')[0]
        )
        assert _balances(page) == _balances(first)
        following = re.search(r'rel="next" href="([^"#]+)', page.text)
        address = following[1] if following else ""
    document = json_of(program.get("/rounds/lottery/long?limit=100"))

    assert len(rows) == len(set(rows)) == ROWS
    (sums,) = document["sums"]
    assert (sums["ours"]["stake"]["minor"], sums["theirs"]["stake"]["minor"]) == (
        ROWS,
        RECORDS_MAX + 10,
    )
    before, after = _balances(first)
    assert before - after == Decimal(ROWS) / 100
    assert (document["cut"], len(document["operations"])) == (True, 100)
    rest = json_of(program.get(f"/rounds/lottery/long?limit=100&after={document['next']}"))
    assert (rest["cut"], len(rest["operations"])) == (False, ROWS - 100)


def test_a_finding_is_resolved_by_a_person_with_the_right_and_a_reason(
    site: ConsoleSite, maria: PageClient, console_books: ConsoleBooks
) -> None:
    page = "/findings/fnd-" + "0" * 18 + "03"
    opened = maria.get(page)
    hidden = {name: opened.field(name) for name in ("form_token", "version", "seen")}
    viewer = site.browser_of("only viewer")
    seen = viewer.get(page).shown()
    bare = maria.post(f"{page}/resolve", hidden)
    resolved = maria.post(f"{page}/resolve", {**hidden, "reason": f"lost {SCRIPT}"})
    stale = maria.post(f"{page}/resolve", {**hidden, "reason": "again"})
    after = maria.get(page)
    again = maria.post(
        f"{page}/resolve", {**hidden, "version": _version_of(console_books), "reason": "x"}
    )

    assert "unparsable record at lottery" in opened.shown().lower()
    assert "Resolve the finding" in opened.shown()
    assert "Resolve the finding" not in seen
    assert "the role finance, approver or ops" in seen
    assert (bare.status, resolved.status, stale.status) == (400, 303, 409)
    assert "What it is now" in stale.shown()
    assert again.status == 422
    assert "is resolved by maria: lost" in after.shown()
    assert SCRIPT not in opened.text + after.text + stale.text
    assert console_books.rows(
        "SELECT resolved_by FROM feed_findings WHERE resolved_at IS NOT NULL"
    ) == [(f"maria: lost {SCRIPT}",)]
    assert console_books.rows(
        "SELECT actor, subject FROM audit WHERE action = 'feed.finding_resolved'"
    ) == [("maria", page.rpartition("/")[2])]
    assert maria.get("/findings/fnd-none").status == 404


def test_a_program_resolves_a_finding_as_it_was_read(program: ApiClient) -> None:
    path = "/findings/fnd-" + "0" * 18 + "06"
    act = {"reason": "asked them"}
    unread = program.act(f"{path}/resolve", act)
    resolved = program.act(f"{path}/resolve", act, of=path)

    check_problem(unread, 428)
    assert json_of(resolved)["resolved_by"] == "maria: asked them"
    assert json_of(resolved)["trail"][-1]["action"] == "feed.finding_resolved"


def _balances(page: Reply) -> tuple[Decimal, Decimal]:
    """The balance before and after a round, as its page says."""
    words = re.search(r"balance ([\d\s.]+) before, ([\d\s.]+) EUR after", page.shown())
    assert words is not None
    before, after = (re.sub(r"\s", "", amount) for amount in words.groups())
    return Decimal(before), Decimal(after)


def _version_of(books: ConsoleBooks) -> str:
    """The version of the finding that was resolved."""
    with books.books.engine.connect() as connection:
        finding = finding_named(connection, "fnd-" + "0" * 18 + "03")
    assert finding is not None
    return finding.version
