"""Breaks worked on: trials, write-offs, groups, many at once, saved lists, files."""

import csv
import io
import re
from urllib.parse import quote

import pytest
from openpyxl import load_workbook

from breaks.attachments import FILE_BYTES_MAX, FILES_MAX
from ops.scheduling.booking_jobs import book_approved_write_offs
from tests.harness.books.console import SCRIPT, ConsoleBooks
from tests.harness.servers.console import BOUNDARY, ConsoleSite, PageClient, Reply
from tests.harness.tampering.replay import tamper
from tests.integration.console.test_uploads import parts
from vocabulary.clock import SystemClock

MANY = 2_000
#: Breaks of one cause, as a run stores them.
_FILL = """
INSERT INTO breaks (break_id, run_id, provider, kind, impact, player, currency, round_id,
                    match_key, difference, explanation, first_seen, last_seen, began_at)
SELECT 'brk-' || lpad(to_hex(n), 20, '0'), r.run_id, 'lottery', 'payout_mismatch',
       'player_owed', 'ann', 'EUR', 'many-' || n, n, n, 'Many of them.', now(), now(), now()
  FROM generate_series({first}, {last}) n, (SELECT run_id FROM runs LIMIT 1) r
"""


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> PageClient:
    return site.browser_of("maria")


@pytest.fixture(scope="module")
def jonas(site: ConsoleSite) -> PageClient:
    return site.browser_of("jonas")


def confirm(client: PageClient, query: str, **fields: str) -> Reply:
    """Open the page of a selection and send its form."""
    return client.submit_fields(
        f"/breaks/bulk?{query}", "/breaks/bulk", ("form_token", "versions"), fields
    )


def picks(*break_ids: str) -> str:
    return "scope=picked&" + "&".join(f"pick-{break_id}=1" for break_id in break_ids)


def attach(client: PageClient, page: str, *files: tuple[str, bytes]) -> Reply:
    """Send the form that attaches files."""
    token = client.get(page).field("form_token")
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = parts({"form_token": token}, *files)
    return client.send("POST", f"{page}/attach", body=body, headers=kind)


def test_a_correction_is_tried_before_it_is_stored(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    page = f"/breaks/{console_books.break_of('r1')}"

    tried = maria.get(f"{page}/correct")
    other = maria.get(f"{page}/correct?amount=0.05&side=payout")

    assert "+0.20 EUR would close 1 and open 0 breaks." in tried.shown()
    assert "Balance of ann" in tried.shown()
    assert "Propose it" in tried.shown()
    assert "would not cure the break" in other.shown()
    assert "history is wrong" in other.shown()
    assert "Propose it" not in other.shown()
    assert console_books.rows("SELECT count(*) FROM adjustments") == [(0,)]
    for query in ("amount=x", "amount=0.001", "side=left", "amount=0"):
        assert maria.get(f"{page}/correct?{query}").status in {200, 400}


def test_a_correction_that_cannot_be_tried_says_why(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r11")
    page, url = f"/breaks/{break_id}", console_books.books.url
    where = f"WHERE break_id = '{break_id}'"
    [(run_id,)] = console_books.rows(f"SELECT run_id FROM breaks {where}")

    tamper(url, "INSERT INTO archived_row_months VALUES ('2026-06-01', '2026-07-01Z')")
    away = maria.get(f"{page}/correct")
    tamper(url, "DELETE FROM archived_row_months")
    tamper(url, f"UPDATE breaks SET run_id = 'run-gone' {where}")
    gone = [maria.get(f"{page}{part}") for part in ("/correct", "")]
    tamper(url, f"UPDATE breaks SET run_id = '{run_id}' {where}")

    assert [reply.status for reply in (away, *gone)] == [200, 200, 200]
    assert "Begin at 2026-07-01T00:00:00Z or later" in away.shown()
    assert "run-gone, which is not stored: reconcile a window" in gone[0].shown()
    assert all("Propose it" not in reply.shown() for reply in (away, gone[0]))


def test_an_overruled_source_stands_beside_the_proposal(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    page = f"/breaks/{console_books.break_of('r2')}"
    fields = {"amount": "0.05", "side": "payout", "reason": "agreed"}

    bare = maria.submit(page, f"{page}/propose", **fields)
    proposed = maria.submit(page, f"{page}/propose", **fields, **{"overrule-history": "1"})
    shown = maria.get(page).shown()

    assert (bare.status, proposed.status) == (422, 303)
    assert "would not cure it" in bare.shown()
    assert "overrules : history" in shown or "overrules: history" in shown
    assert "Entries that would be posted" in shown


def test_a_write_off_takes_two_people_and_is_booked_by_the_scheduler(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r3")
    page, engine = f"/breaks/{break_id}", console_books.books.engine
    proposed = maria.submit(page, f"{page}/write-off", reason=f"too small {SCRIPT}")
    opened = jonas.get(page)
    alone = maria.submit(page, f"{page}/approve")
    approved = jonas.submit(page, f"{page}/approve")
    fields = {name: opened.field(name) for name in ("form_token", "version", "seen")}
    late = jonas.post(f"{page}/reject", {**fields, "reason": "no"})

    assert (proposed.status, alone.status, approved.status) == (303, 422, 303)
    assert late.status == 409
    assert SCRIPT not in opened.text
    assert "another person decides" in alone.shown()
    assert "jonas approved the write-off." in maria.get(page).shown()
    assert console_books.state_of(break_id) == "write_off_proposed"
    assert book_approved_write_offs(engine, SystemClock()) == 1
    assert book_approved_write_offs(engine, SystemClock()) == 0
    assert console_books.state_of(break_id) == "written_off"
    assert console_books.rows(
        f"SELECT proposed_by, decided_by, state FROM write_offs WHERE break_id = '{break_id}'"
    ) == [("maria", "jonas", "booked")]


def test_groups_have_their_sum_and_are_worked_as_one(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    listed = maria.get("/breaks/groups")
    group = re.search(r"/breaks/groups/(grp-\w+)", listed.text)
    assert group is not None
    page = maria.get(f"/breaks/groups/{group[1]}")
    selected = maria.get(f"/breaks/bulk?scope=all&group={group[1]}")
    count = re.search(r"Work on all (\d+)", page.shown())

    assert "likely cause" in listed.shown()
    assert count is not None
    assert f"{count[1]} breaks selected. Nothing is done yet." in selected.shown()
    assert maria.get("/breaks/groups/grp-none").status == 404
    assert SCRIPT not in listed.text + page.text


def test_many_are_assigned_and_what_changed_or_cannot_be_is_named(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    fresh, stale, settled = (console_books.break_of(name) for name in ("r7", "r8", "r3"))
    query = picks(fresh, stale, settled)
    opened = maria.get(f"/breaks/bulk?{query}")
    page = f"/breaks/{stale}"
    jonas.submit(page, f"{page}/wait", reason="asked them")
    fields = {name: opened.field(name) for name in ("form_token", "versions")}

    done = maria.post("/breaks/bulk", {**fields, "action": "assign", "to": "erin"})

    assert done.status == 200
    assert "1 break is assigned, 2 could not be." in done.shown()
    assert "1 changed since you selected them" in done.shown()
    assert "cannot go from written_off to assigned" in done.shown()
    assert [console_books.state_of(each) for each in (fresh, stale, settled)] == [
        *("assigned", "waiting", "written_off"),
    ]


def test_many_are_proposed_by_one_and_approved_by_another(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    corrected, written = console_books.break_of("r9"), console_books.break_of("r10")
    confirm(maria, picks(corrected), action="propose", reason="their lines are right")
    confirm(maria, picks(written), action="write-off", reason="too small")

    own = confirm(maria, picks(corrected, written), action="approve")
    other = confirm(jonas, picks(corrected, written), action="approve")

    assert "No breaks are approved, 2 could not be." in own.shown()
    assert own.shown().count("another person decides") == 2
    assert "2 breaks are approved." in other.shown()
    assert console_books.state_of(corrected) == "approved"
    book_approved_write_offs(console_books.books.engine, SystemClock())
    assert console_books.state_of(written) == "written_off"


def test_a_selection_without_a_right_an_action_or_a_reason_does_nothing(
    site: ConsoleSite, maria: PageClient, console_books: ConsoleBooks
) -> None:
    query = picks(console_books.break_of("r11"))
    finance = site.browser_of("only finance")
    before = console_books.rows("SELECT count(*) FROM audit WHERE action LIKE 'break.%'")

    replies = [
        confirm(finance, query, action="approve"),
        confirm(maria, query, action="explain", reason=" "),
        confirm(maria, query, action="delete", reason="x"),
        confirm(maria, query, action="assign", to="nobody"),
        maria.get("/breaks/bulk?scope=picked"),
        maria.get("/breaks/bulk?scope=all&player=nobody"),
    ]

    assert [reply.status for reply in replies] == [403, 400, 400, 403, 422, 422]
    assert before == console_books.rows(
        "SELECT count(*) FROM audit WHERE action LIKE 'break.%'"
    )


def test_a_list_is_saved_shared_and_removed_by_its_owner_only(
    maria: PageClient, jonas: PageClient
) -> None:
    name = f"big ones {SCRIPT}"
    address = "provider=lottery&currency=EUR&min=0.50&cols=difference,state&evil=1"
    saved = maria.submit("/breaks", "/breaks/views", name=name, address=address, shared="1")
    listed = jonas.get("/breaks")
    view = re.search(r"/breaks/views/(\d+)/remove", maria.get("/breaks").text)
    link = re.search(r'href="(/breaks\?provider[^"]*)"', listed.text)
    assert view is not None
    assert link is not None
    others = jonas.submit("/breaks", f"/breaks/views/{view[1]}/remove")
    own = maria.submit("/breaks", f"/breaks/views/{view[1]}/remove")

    assert saved.status == 303
    assert name in listed.shown()
    assert SCRIPT not in listed.text
    assert "evil" not in link[1]
    assert "break state difference" in jonas.get(link[1].replace("&amp;", "&")).shown()
    assert (others.status, own.status) == (404, 303)
    assert maria.submit("/breaks", "/breaks/views", name=" ").status == 400
    assert maria.submit("/breaks", "/breaks/views", name="x" * 61).status == 422


def test_files_have_exactly_the_chosen_columns(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    query = "?currency=EUR&min=0.50&max=0.70&state=all&cols=difference,round&sort=age"
    book = load_workbook(io.BytesIO(maria.get(f"/breaks.xlsx{query}").content))
    rows = list(book.active.iter_rows(values_only=True))
    text = maria.get(f"/breaks.csv{query}").content.decode("utf-8-sig")

    assert rows[0] == ("break", "difference", "currency", "round")
    assert {row[3]: row[1] for row in rows[1:]} == {
        "r4": 0.5,
        "r5": 0.6,
        "r6": 0.7,
        "lost": -0.7,
    }
    assert [tuple(row) for row in csv.reader(io.StringIO(text))] == [
        rows[0],
        *((row[0], f"{row[1]:.2f}", *row[2:]) for row in rows[1:]),
    ]


def test_overdue_breaks_and_those_that_name_me_are_filters(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r4")
    page = f"/breaks/{break_id}"
    maria.submit(page, f"{page}/comment", text=f"see @jonas, not @jonasson {SCRIPT}")
    mine = jonas.get("/breaks?mentioned=me&state=all")

    assert re.findall(r'href="/breaks/(brk-\w+)"', mine.text) == [break_id]
    assert "with a comment that names me" in jonas.get("/").shown()
    assert "with a comment that names me" not in maria.get("/").shown()
    jonas.submit(page, f"{page}/read")
    assert "No break fits" in jonas.get("/breaks?mentioned=me&state=all").shown()
    overdue = maria.get("/breaks?overdue=1").shown()
    assert "fit these filters" in overdue


def test_files_are_attached_sniffed_bounded_and_only_downloaded(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    page = f"/breaks/{console_books.break_of('r5')}"
    name = "<script>alert(1)<script>.html"
    files = [(name, SCRIPT.encode()), ("scan.pdf", b"%PDF-1.7 x"), ("blob", b"\xff\x00")]

    attached = attach(maria, page, *files)
    empty = attach(maria, page, ("empty.txt", b""))
    large = attach(maria, page, ("large.bin", b"x" * (FILE_BYTES_MAX + 1)))
    shown = maria.get(page)
    links = re.findall(r'href="(/breaks/[^"]*/files/\d+)" download', shown.text)
    downloads = [maria.get(link) for link in links]

    assert (attached.status, empty.status, large.status) == (303, 422, 422)
    assert [file.headers["Content-Type"] for file in downloads] == [
        *("text/plain", "application/pdf", "application/octet-stream"),
    ]
    assert [file.content for file in downloads] == [content for _, content in files]
    for file in downloads:
        assert file.headers["Content-Disposition"].startswith("attachment; ")
        assert file.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in file.headers["Content-Security-Policy"]
    assert name in shown.shown()
    assert "<script>alert(1)<script>" not in shown.text
    assert maria.get(f"{page}/files/999999").status == 404
    other = console_books.break_of("r6")
    assert maria.get(links[0].replace(page, f"/breaks/{other}")).status == 404


def test_two_pictures_of_one_name_are_both_kept(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    page = f"/breaks/{console_books.break_of('r7')}"
    pictures = [("image.jpg", b"\xff\xd8\xff first"), ("image.jpg", b"\xff\xd8\xff second")]

    attached = attach(maria, page, *pictures, pictures[0])
    links = re.findall(r'href="(/breaks/[^"]*/files/\d+)" download', maria.get(page).text)

    assert attached.status == 303
    assert [maria.get(link).content for link in links] == [content for _, content in pictures]


def test_a_break_keeps_a_bounded_number_of_files(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    page = f"/breaks/{console_books.break_of('r6')}"
    files = [(f"{number}.txt", b"x") for number in range(FILES_MAX)]

    assert attach(maria, page, *files).status == 303
    assert attach(maria, page, ("more.txt", b"x")).status == 422


def test_a_provider_without_a_call_about_one_bet_is_not_asked(
    maria: PageClient, console_books: ConsoleBooks
) -> None:
    page = f"/breaks/{console_books.break_of('r4')}"

    requested = maria.submit(page, f"{page}/ask")

    assert requested.status == 422
    assert "has no call about one bet" in requested.shown()
    assert f"{page}/ask" not in maria.get(page).text


def test_two_thousand_are_worked_at_once(
    maria: PageClient, site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    console_books.execute(_FILL.format(first=1, last=MANY))
    query = f"scope=all&q={quote('Many of them.')}"
    selected = maria.get(f"/breaks/bulk?{query}")
    done = confirm(maria, query, action="assign", to="jonas")

    assert "2 000 breaks selected." in selected.shown()
    assert "2 000 breaks are assigned." in done.shown()
    assert console_books.rows(
        "SELECT state, assignee, count(*) FROM break_workflows JOIN breaks USING (break_id)"
        " WHERE explanation = 'Many of them.' GROUP BY 1, 2"
    ) == [("assigned", "jonas", MANY)]
    console_books.execute(_FILL.format(first=MANY + 1, last=MANY + 1))
    too_many = maria.get(f"/breaks/bulk?{query}")
    assert too_many.status == 422
    assert "narrow the filters" in too_many.shown()
