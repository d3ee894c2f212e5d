"""The API for daily work: filters, jobs, many breaks at once, files and saved lists."""

from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import date
from hashlib import sha256

from console.api.models.breaks import BreakListQuery
from console.pages.breaks.selection import FIELDS
from ledger.players.importer import PlayerRow, import_players
from reconcile.invoices.claims import Claim, Invoice
from reconcile.invoices.register.states import CheckSummary, InvoiceRequest, InvoiceState
from reconcile.invoices.register.store import NewInvoice, receive_invoice
from storage.people import get_person
from tests.harness.books.console import DAY, ConsoleBooks
from tests.harness.servers.api import ApiClient, check_problem, jonas, json_of, maria, token_for
from tests.harness.servers.console import ConsoleSite, serving
from vocabulary.money import Money
from vocabulary.people import Actor

__all__ = ["jonas", "maria"]


def test_breaks_are_filtered_as_on_the_page(maria: ApiClient) -> None:
    def total(parameters: str) -> int:
        reply = maria.get(f"/breaks?{parameters}")
        assert reply.status == 200, reply.text
        return int(json_of(reply)["total"])

    assert total("currency=EUR&min=1.20&max=1.20") == 1
    assert total("impact=none") + total("impact=player_owed") > 0
    assert total("age=3650") == total("mentioned=me") == total("game=none") == 0
    assert total("overdue=1") <= total("state=all")
    check_problem(maria.get("/breaks?min=1"), 400, "a currency is expected")


def test_the_filters_of_the_page_are_parameters_of_the_list() -> None:
    extra = {"sort", "after", "limit"}

    assert set(BreakListQuery.model_fields) == {*FIELDS, *extra}


def test_a_job_is_requested_once_listed_cancelled_and_requested_again(
    maria: ApiClient,
) -> None:
    body = {"provider": "lottery", "day": DAY}
    key = {"Idempotency-Key": "run-that-day"}
    job = json_of(maria.act("/jobs/day.run", body, headers=key))
    thing = f"/jobs/{job['id']}"
    repeated = maria.act("/jobs/day.run", body, headers=key)
    cancelled = json_of(maria.act(f"{thing}/cancel"))
    again = json_of(maria.act(f"{thing}/again"))
    page = json_of(maria.get("/jobs?limit=1"))

    assert (job["state"], job["kind"], job["arguments"]) == ("queued", "day.run", body)
    assert json_of(repeated)["id"] == job["id"]
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert (cancelled["state"], cancelled["cancelled_by"]) == ("cancelled", "maria")
    assert again["id"] != job["id"]
    assert [item["id"] for item in page["items"]] == [again["id"]]
    older = json_of(maria.get(f"/jobs?after={page['next']}&by=maria"))
    assert [item["id"] for item in older["items"]] == [job["id"]]
    check_problem(maria.act(f"{thing}/cancel"), 422, "cancelled")
    check_problem(maria.get("/jobs/0"), 404, "job")
    check_problem(maria.act("/jobs/day.run", {**body, "provider": "nobody"}), 404, "provider")


def test_a_file_is_sent_with_its_job_and_read_again(maria: ApiClient) -> None:
    content = bytes(range(256)) * 512  # more than other bodies may have
    file = {"name": "june.csv", "content": b64encode(content).decode()}
    job = json_of(maria.act("/jobs/feed.preview", {"provider": "lottery", "file": file}))
    (stored,) = job["files"]
    read = json_of(maria.get(f"/jobs/{job['id']}/files/{stored['id']}"))

    assert (stored["direction"], stored["size"]) == ("in", len(content))
    assert stored["sha256"] == sha256(content).hexdigest()
    assert b64decode(read["content"]) == content
    confirm = {"sha256": stored["sha256"]}
    check_problem(maria.act(f"/jobs/{job['id']}/import", confirm), 412, "no preview that is")
    wrong = {"provider": "lottery", "file": {**file, "content": "===="}}
    check_problem(maria.act("/jobs/feed.preview", wrong), 400)


def test_a_long_body_is_not_read_from_somebody_who_may_not_send_it(
    site: ConsoleSite,
) -> None:
    viewer = ApiClient(site.port, token_for(site, "only viewer"))
    nobody = ApiClient(site.port)
    body = {"provider": "lottery", "file": {"name": "x", "content": "A" * 200_000}}

    assert viewer.act("/jobs/feed.preview", body).status == 403
    assert nobody.act("/jobs/feed.preview", body).status == 401
    assert viewer.act("/jobs/day.run", body).status == 413


def test_many_breaks_are_worked_at_once_if_they_are_as_many_as_expected(
    site: ConsoleSite, maria: ApiClient, console_books: ConsoleBooks
) -> None:
    proposer = ApiClient(site.port, token_for(site, "only finance"))
    ids = [item["id"] for item in json_of(maria.get("/breaks?state=open&limit=2"))["items"]]
    chosen = {"action": "wait", "ids": ids, "reason": "they answer tomorrow"}
    other = maria.act("/breaks/bulk", {**chosen, "count": 3})
    count = json_of(maria.get("/breaks?state=open"))["total"]
    unfit = {"filter": {"state": "open"}, "action": "approve", "count": count}
    refused = proposer.act("/breaks/bulk", unfit)
    key = {"Idempotency-Key": "wait-for-both"}
    done = json_of(maria.act("/breaks/bulk", {**chosen, "count": 2}, headers=key))
    repeated = json_of(maria.act("/breaks/bulk", {**chosen, "count": 2}, headers=key))
    groups = json_of(maria.get("/breaks/groups"))

    check_problem(other, 412, "3 breaks were expected, 2 are selected")
    assert maria.act("/breaks/bulk", {"action": "wait", "count": 1}).status == 400
    check_problem(refused, 403, "may not")
    assert sorted(done["done"]) == sorted(ids)
    assert repeated == done
    assert [console_books.state_of(break_id) for break_id in ids] == ["waiting"] * 2
    for group in groups["items"]:
        shown = json_of(maria.get(f"/breaks/groups/{group['id']}?limit=1"))
        assert shown["breaks"] == group["breaks"]
        assert len(shown["items"]) == 1
        assert (shown["next"] is None) == (group["breaks"] == 1)


def test_a_file_is_attached_listed_and_read_again(
    maria: ApiClient, console_books: ConsoleBooks
) -> None:
    thing = f"/breaks/{console_books.break_of('r3')}"
    file = {"name": "mail.txt", "content": b64encode(b"they agree").decode()}
    attached = json_of(maria.act(f"{thing}/attach", {"file": file}))["notes"][-1]
    read = json_of(maria.get(f"{thing}/files/{attached['id']}"))

    assert attached["size"] == 10
    assert (read["name"], b64decode(read["content"])) == ("mail.txt", b"they agree")
    check_problem(maria.get(f"{thing}/files/0"), 404, "file of the break")


def test_a_repeat_whose_answer_was_lost_attaches_and_comments_nothing_twice(
    maria: ApiClient, console_books: ConsoleBooks
) -> None:
    break_id = console_books.break_of("r11")
    file = {"name": "note.txt", "content": b64encode(b"once").decode()}
    bulk = {"action": "comment", "ids": [break_id], "count": 1, "reason": "said once"}
    requests = {f"/breaks/{break_id}/attach": {"file": file}, "/breaks/bulk": bulk}

    for path, body in requests.items():
        key = {"Idempotency-Key": f"lost {path}".replace(" ", "-")}
        first = maria.act(path, body, headers=key)
        console_books.execute(
            "UPDATE api_requests SET status = NULL, answer = NULL, etag = NULL"
        )
        repeated = maria.act(path, body, headers=key)

        assert (first.status, repeated.status) == (200, 200), repeated.text
        assert repeated.headers["Idempotency-Replayed"] == "true"
    notes = f"SELECT body FROM break_notes WHERE break_id = '{break_id}' ORDER BY note_id"
    assert console_books.rows(notes) == [("note.txt",), ("said once",)]


def test_a_list_is_saved_shared_and_removed(maria: ApiClient, jonas: ApiClient) -> None:
    body = {"name": "old ones", "query": "age=3&sort=age", "shared": True}
    (saved,) = json_of(maria.act("/breaks/views", body))["items"]
    (seen,) = json_of(jonas.get("/breaks/views"))["items"]
    wrong = maria.act("/breaks/views", {**body, "query": "age=x"})

    assert (saved["query"], saved["is_own"], seen["is_own"]) == ("age=3&sort=age", True, False)
    check_problem(wrong, 400, "days")
    check_problem(jonas.act(f"/breaks/views/{saved['id']}/remove"), 404, "list of yours")
    assert json_of(maria.act(f"/breaks/views/{saved['id']}/remove"))["items"] == []


def received_invoice(console_books: ConsoleBooks, claimed: Invoice) -> str:
    """The id of an invoice that maria received."""
    invoice = NewInvoice(
        claimed=claimed,
        provider="lottery",
        number=claimed.name,
        first=date(2026, 6, 1),
        last=date(2026, 6, 30),
        file_name="a.csv",
        file=b"an invoice",
    )
    check = CheckSummary(
        claimed="2.500000",
        ours="2.500000",
        difference="0.000000",
        by_ggr="0.000000",
        by_terms="0.000000",
        ties=True,
        unsigned={},
    )
    with console_books.books.engine.begin() as connection:
        maria = get_person(connection, "maria")
        eyes = Actor(person=maria, acting=maria).eyes
        request = InvoiceRequest(
            state=InvoiceState.RECEIVED, by="maria", eyes=eyes, check=check
        )
        return receive_invoice(connection, invoice, request)


def test_amounts_outside_iso_4217_have_the_digits_of_the_page(
    site: ConsoleSite, console_books: ConsoleBooks
) -> None:
    opening = Money(1_500_000, "USDT")
    row = PlayerRow(line=2, player="crypto", opening=opening, handles={})
    import_players(console_books.books.engine, [row])
    claims = (Claim(game=None, currency="USDT", ggr=25_000_000),)
    claimed = Invoice(name="N-1", currency="USDT", claims=claims, fee=2_500_000)
    invoice = received_invoice(console_books, claimed)
    config = replace(site.console.config, own_exponents={"USDT": 6})

    with serving(replace(site.console, config=config)) as own:
        client = ApiClient(own.port, token_for(own, "maria"))
        (wallet,) = json_of(client.get("/players/crypto"))["wallets"]
        fees = [json_of(client.get(path)) for path in (f"/invoices/{invoice}", "/invoices")]

    assert wallet["balance"] == {"minor": 1_500_000, "currency": "USDT", "exponent": 6}
    fee = {"minor": 2_500_000, "currency": "USDT", "exponent": 6}
    assert [fees[0]["fee"], fees[1]["items"][0]["fee"]] == [fee, fee]
