"""Disputes, invoices and reports in the browser, from the form to the file."""

import io
import re
import zipfile
from base64 import b64decode

import pytest

from tests.harness.books.console import DAY, SCRIPT, ConsoleBooks
from tests.harness.servers.api import ApiClient, json_of, token_for
from tests.harness.servers.console import ConsoleSite, PageClient, Reply


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> PageClient:
    return site.browser_of("maria")


@pytest.fixture(scope="module")
def jonas(site: ConsoleSite) -> PageClient:
    return site.browser_of("jonas")


@pytest.fixture(scope="module")
def vera(site: ConsoleSite) -> PageClient:
    return site.browser_of("only viewer")


def sent(client: PageClient, page: Reply, action: str, **fields: str) -> Reply:
    """Send the form of a page that was opened before."""
    names = ("form_token", "breaks", "provider", "day", "count", "version", "seen")
    hidden = {name: page.field(name) for name in names if f'name="{name}" value' in page.text}
    return client.post(action, {**hidden, **fields})


def done(client: PageClient, books: ConsoleBooks, requested: Reply) -> str:
    """What the page of a requested job says once it is done."""
    assert requested.status == 303, requested.shown()
    books.do_jobs()
    return client.get(requested.location).shown()


@pytest.fixture(scope="module")
def dispute(maria: PageClient, jonas: PageClient, console_books: ConsoleBooks) -> str:
    """The address of a dispute of two breaks, which two people tried to open at once."""
    ids = " ".join(console_books.break_of(name) for name in ("r0", "r1"))
    address = f"/disputes/new?breaks={ids.replace(' ', '+')}"
    page, other = maria.get(address), jonas.get(address)
    opened = sent(maria, page, "/disputes/new", note=f"please look {SCRIPT}")
    late = sent(jonas, other, "/disputes/new")

    assert "2 breaks would be put before the provider." in page.shown()
    assert "lottery: its GGR less ours −0.30 EUR" in page.shown()
    assert (opened.status, late.status) == (303, 422)
    assert "already" in late.shown()
    assert console_books.rows("SELECT count(*) FROM disputes") == [(1,)]
    assert console_books.state_of(console_books.break_of("r0")) == "waiting"
    return opened.location.partition("?")[0]


def test_what_cannot_be_disputed_is_said_before_anything_is_done(
    maria: PageClient, console_books: ConsoleBooks, dispute: str
) -> None:
    unknown = maria.get("/disputes/new?breaks=brk-none").shown()
    of_day = maria.get(f"/disputes/new?provider=lottery&day={DAY}")
    stale = sent(maria, of_day, "/disputes/new", count="3")

    assert "Nothing is called brk-none." in unknown
    assert "12 breaks would be put before the provider; 2 cannot be disputed." in of_day.shown()
    assert (stale.status, "the page showed 3" in stale.shown()) == (409, True)
    assert maria.get("/disputes/new?day=2026-06-04").status == 400
    assert console_books.rows("SELECT count(*) FROM disputes") == [(1,)]


def test_a_pack_is_written_downloaded_and_answered(
    maria: PageClient, vera: PageClient, console_books: ConsoleBooks, dispute: str
) -> None:
    shown = done(maria, console_books, maria.submit(dispute, f"{dispute}/export"))
    pack = maria.get(f"{dispute}/packs/1")
    kept = console_books.rows("SELECT pack FROM dispute_exports")

    assert "Pack 1 of lottery is written." in shown
    assert [(bytes(pack.content),)] == kept
    assert pack.headers["Content-Disposition"].startswith("attachment;")
    assert (vera.get(f"{dispute}/packs/1").status, maria.get(f"{dispute}/packs/9").status) == (
        403,
        404,
    )

    ((job, file),) = console_books.rows(
        "SELECT job_id, file_id FROM job_files WHERE direction = 'out' ORDER BY 2 DESC LIMIT 1"
    )
    of_job = [client.get(f"/jobs/{job}/files/{file}") for client in (maria, vera)]
    assert [reply.status for reply in of_job] == [200, 403]
    assert of_job[0].content == pack.content
    assert f"/jobs/{job}/files/" not in vera.get(f"/jobs/{job}").text

    answers = answered(pack.content, SCRIPT)
    fields = {"provider": "lottery"}
    upload = maria.upload("/disputes", "/disputes/answers", ("a.csv", answers), **fields)
    imported = done(maria, console_books, upload)
    again = maria.upload("/disputes", "/disputes/answers", ("b.csv", answers), **fields)
    page = vera.get(dispute)

    assert "1 answer stored (0 accepted, 1 rejected, 0 will restate)" in imported
    assert "1 known before" in done(maria, console_books, again)
    assert SCRIPT not in page.text
    assert "rejected R-1" in page.shown()
    assert "lottery has to answer 1 of 2 lines; claimable: −0.30 EUR." in page.shown()
    states = {console_books.state_of(console_books.break_of(name)) for name in ("r0", "r1")}
    assert states == {"open", "waiting"}  # what is rejected is open again
    assert "1 dispute waits for answers; claimable: −0.30 EUR." in vera.get("/disputes").shown()


def answered(pack: bytes, comment: str) -> bytes:
    """The answer file of a pack with an answer to the first line."""
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith("answer.csv")]
        text = archive.read(name).decode("utf-8-sig")
    head, first, *rest = text.splitlines()
    assert head.endswith('"answer","reference","comment"'), head
    changed = f"{first.rpartition(',')[0].rpartition(',')[0].rpartition(',')[0]}"
    return "\n".join([head, f"{changed},rejected,R-1,{comment}", *rest]).encode()


@pytest.fixture(scope="module")
def invoice(maria: PageClient, console_books: ConsoleBooks) -> str:
    """The address of a received invoice that does not tie."""
    content = b"currency,ggr,fee\nEUR,6.00,0.61\n"
    fields = {"provider": "lottery", "first": DAY, "last": DAY, "number": f"7 {SCRIPT}"}
    upload = maria.upload("/invoices", "/invoices", ("june.csv", content), **fields)
    shown = done(maria, console_books, upload)
    again = maria.upload("/invoices", "/invoices", ("june.csv", content), **fields)

    assert "is received: it claims 0.61, we compute" in shown
    assert "was received already" in done(maria, console_books, again)
    assert console_books.rows("SELECT count(*) FROM invoices") == [(1,)]
    found = re.search(r"/invoices/inv-[0-9a-f]{32}", maria.get("/invoices").text)
    assert found is not None
    return found[0]


def test_an_invoice_shows_what_differs_and_which_rounds_explain_it(
    maria: PageClient, vera: PageClient, invoice: str
) -> None:
    page = vera.get(invoice)
    shown = page.shown()

    assert f"lottery 7 {SCRIPT} is received by maria: it claims 0.61 EUR" in shown
    assert "Days that are not signed 2026-06-04" in shown
    assert "Rounds that explain all games in EUR" in shown
    assert SCRIPT not in page.text
    assert f'href="/days/lottery/{DAY}"' in page.text
    assert vera.get(f"{invoice}/file").content == b"currency,ggr,fee\nEUR,6.00,0.61\n"
    assert vera.get("/invoices/inv-none").status == 404
    assert "Approve 0.61 EUR" not in maria.get(invoice).shown()


def test_an_invoice_is_disputed_approved_by_another_person_and_paid(
    maria: PageClient, jonas: PageClient, console_books: ConsoleBooks, invoice: str
) -> None:
    page, other = maria.get(invoice), jonas.get(invoice)
    disputed = sent(maria, page, f"{invoice}/dispute", reason="the fee")
    stale = sent(jonas, other, f"{invoice}/approve", reason="looks right")
    own = maria.submit(invoice, f"{invoice}/approve", reason="mine")
    alone = done(maria, console_books, own)
    bare = done(jonas, console_books, jonas.submit(invoice, f"{invoice}/approve"))
    approved = jonas.submit(invoice, f"{invoice}/approve", reason="agreed by phone")

    assert (disputed.status, stale.status) == (303, 409)
    assert "is disputed by maria" in stale.shown()
    assert "another person approves it" in alone
    assert "reason is expected" in bare
    assert "is approved: it claims" in done(jonas, console_books, approved)
    paid = maria.submit(invoice, f"{invoice}/pay", paid_on=DAY, reference="SEPA 1")
    assert paid.status == 303
    assert "Every invoice is paid." in maria.get("/invoices").shown()
    steps = console_books.rows("SELECT action, by_name FROM invoice_steps ORDER BY number")
    assert steps == [
        *(("received", "maria"), ("disputed", "maria"), ("approved", "jonas")),
        ("paid", "maria"),
    ]


def test_wrong_files_are_findings_and_store_nothing(
    maria: PageClient, console_books: ConsoleBooks, invoice: str
) -> None:
    fields = {"provider": "lottery", "first": DAY, "last": DAY}
    empty = maria.upload("/invoices", "/invoices", ("none.csv", b""), **fields)
    wrong = maria.upload("/invoices", "/invoices", ("a.csv", b"what,ever\n1,2\n"), **fields)
    shown = done(maria, console_books, wrong)

    assert (empty.status, "none.csv is empty" in empty.shown()) == (400, True)
    assert "failed" in shown
    assert "ggr" in shown
    assert console_books.rows("SELECT count(*) FROM invoices") == [(1,)]


@pytest.mark.parametrize("mark", [" ", "\N{NARROW NO-BREAK SPACE}", "'"])
def test_a_mark_of_thousands_may_be_a_blank(
    maria: PageClient, console_books: ConsoleBooks, mark: str
) -> None:
    fields = {"provider": "lottery", "decimal": ",", "thousands": mark}
    maria.upload("/disputes", "/disputes/answers", ("a.csv", b"line"), **fields)

    latest = "SELECT arguments->>'thousands' FROM jobs ORDER BY job_id DESC LIMIT 1"
    assert console_books.rows(latest) == [(mark,)]


def test_journals_of_unsigned_days_are_refused_and_a_statement_is_made(
    maria: PageClient, vera: PageClient, console_books: ConsoleBooks
) -> None:
    days = {"first": DAY, "last": DAY, "provider": "lottery"}
    journals = maria.submit("/reports", "/reports/journals", **days, format="csv")
    statement = vera.submit("/reports", "/reports/statements", **days, files="pdf")
    refused = done(maria, console_books, journals)
    page = vera.get("/reports")

    assert "failed" in refused
    assert "The statement is written." in vera.get(statement.location).shown()
    link = re.search(r'href="(/jobs/\d+/files/\d+)" download>([^<]+\.pdf)', page.text)
    assert link is not None
    assert vera.get(link[1]).content.startswith(b"%PDF")
    assert vera.submit("/reports", "/reports/journals", **days).status == 403
    assert maria.submit("/reports", "/reports/journals", **days, format="dbf").status == 400
    assert console_books.rows("SELECT count(*) FROM journals") == [(0,)]


def test_disputes_invoices_and_reports_are_the_same_by_the_api(
    site: ConsoleSite, dispute: str, invoice: str
) -> None:
    client = ApiClient(site.port, token_for(site, "maria"))
    opened, received = json_of(client.get(dispute)), json_of(client.get(invoice))
    listed = json_of(client.get("/disputes?state=all"))
    again = client.act("/disputes", {"breaks": [opened["items"][1]["break_id"]], "count": 1})
    body = {"reason": "once more"}
    late = client.act(f"{invoice}/dispute", body, headers={"If-Match": '"seen-long-ago"'})
    fit = client.act(f"{invoice}/dispute", body, of=invoice)

    assert opened["sums"] == [{"minor": -30, "currency": "EUR", "exponent": 2}]
    assert opened["note"] == f"please look {SCRIPT}"
    assert [item["id"] for item in listed["items"]] == [opened["id"]]
    assert [line["name"] for line in opened["items"]] == [
        f"{opened['id']}/1",
        f"{opened['id']}/2",
    ]
    assert (again.status, late.status) == (422, 412)
    assert fit.status == (422 if received["state"] == "paid" else 200)
    assert received["fee"] == {"minor": 61, "currency": "EUR", "exponent": 2}
    assert received["version"] == str(len(received["steps"]))
    assert b64decode(json_of(client.get(f"{invoice}/file"))["content"]).startswith(b"currency")
    assert json_of(client.get("/invoices"))["items"][0]["id"] == received["id"]
    assert json_of(client.get("/reports"))["journals"] == []


def test_a_dispute_is_opened_by_the_api(
    site: ConsoleSite, console_books: ConsoleBooks, dispute: str
) -> None:
    client = ApiClient(site.port, token_for(site, "jonas"))
    body = {"breaks": [console_books.break_of("r4")], "note": "by a program"}
    wrong = client.act("/disputes", {**body, "count": 2})
    opened = json_of(client.act("/disputes", {**body, "count": 1}))

    assert wrong.status == 412
    assert (opened["opened_by"], opened["lines"]) == ("jonas", 1)
    assert f"/disputes/{opened['id']}" != dispute


def test_breaks_that_took_the_place_of_those_seen_are_not_disputed(
    maria: PageClient, console_books: ConsoleBooks, dispute: str
) -> None:
    page = maria.get(f"/disputes/new?provider=lottery&day={DAY}")
    books = console_books.books
    books.forget("lost")
    books.theirs("found", 45, 0)
    books.run()
    before = console_books.rows("SELECT count(*) FROM disputes")

    late = sent(maria, page, "/disputes/new")

    assert late.status == 409
    assert "the page showed" in late.shown()
    assert "but other ones or other money" in late.shown()
    assert console_books.rows("SELECT count(*) FROM disputes") == before


def test_the_rest_of_a_day_is_disputed_beside_an_earlier_dispute(
    maria: PageClient, dispute: str
) -> None:
    page = maria.get(f"/disputes/new?provider=lottery&day={DAY}")
    opened = sent(maria, page, "/disputes/new")

    assert opened.status == 303, opened.shown()
    assert not opened.location.startswith(dispute)
    assert "no, it is in dsp-" in page.shown()
