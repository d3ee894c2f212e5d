"""Pages of single things: rounds, operations, players, batches, seals, files, the trail."""

import csv
import io
import re
from base64 import b64decode
from itertools import pairwise
from urllib.parse import quote

import pytest

from tests.harness.books.console import DAY, SCRIPT, ConsoleBooks
from tests.harness.books.ledger import NOON
from tests.harness.books.things import BODY, FILE, FILE_ID, HOSTILE, things
from tests.harness.plans import recorded, scans_without_index
from tests.harness.servers.api import ApiClient, json_of, token_for
from tests.harness.servers.console import ConsoleSite, PageClient

__all__ = ["things"]


@pytest.fixture(scope="module")
def maria(site: ConsoleSite, things: ConsoleBooks) -> PageClient:
    return site.browser_of("maria")


def transaction_of(things: ConsoleBooks, key: str) -> str:
    ((wallet, seq),) = things.rows(
        f"SELECT wallet_id, wallet_seq FROM operations WHERE op_key = '{key}'"
    )
    return f"txn-{wallet}-{seq}"


def test_a_round_shows_both_sides_its_operations_and_its_break(
    maria: PageClient, things: ConsoleBooks
) -> None:
    page = maria.get("/rounds/lottery/r3")
    shown = page.shown()

    assert "Both sides have this round with different amounts, with 1 break." in shown
    assert f'href="/breaks/{things.break_of("r3")}"' in page.text
    assert f'href="/operations/{transaction_of(things, "r3-b")}"' in page.text
    assert 'href="/players/ann"' in page.text
    assert "ann : balance" in shown
    assert re.search(r'<rect class="point callback"', page.text)
    assert "Only the provider" in maria.get("/rounds/lottery/lost").shown()


def test_a_round_named_as_markup_and_as_a_path_has_its_page(maria: PageClient) -> None:
    found = maria.get("/find?q=hostile")
    operation = maria.get(found.location)
    (link,) = set(re.findall(r'href="(/rounds/[^"]+)"', operation.text))
    page = maria.get(link)

    assert found.status == 303
    assert page.status == 200
    assert HOSTILE in page.shown()
    assert SCRIPT not in page.text
    assert SCRIPT not in operation.text


def test_markup_in_what_providers_wrote_is_shown_on_every_page_and_run_on_none(
    maria: PageClient, things: ConsoleBooks
) -> None:
    script = SCRIPT.replace("<", "%3C").replace("/", "%2F")
    for path in (
        *(f"/rounds/lottery/r{script}", f"/find?q={script}.csv+EUR", f"/find?q=r{script}x"),
        *("/players/ann", "/batches/14", "/files/1", f"/audit?object={script}"),
        f"/players/{script}",
    ):
        reply = maria.get(path)
        assert reply.status in {200, 404}
        assert SCRIPT not in reply.text
        assert "&lt;script&gt;" in reply.text, path


def test_an_operation_shows_its_bytes_cut_and_gives_all_of_them(
    maria: PageClient, things: ConsoleBooks
) -> None:
    address = f"/operations/{transaction_of(things, 'hostile')}"
    page = maria.get(address)
    whole = maria.get(f"{address}/request")

    assert page.status == 200
    assert len(page.content) < 100_000
    for shown in (f"{SCRIPT}\\x00\\x1b[31m\\xff\\xfe", "\\u202e", "x-request-id", SCRIPT):
        assert shown in page.shown()
    assert "Download all 1 048 576 bytes" in page.shown()
    assert "The first 16 384 bytes" in page.shown()
    assert SCRIPT not in page.text
    assert whole.content == BODY
    assert whole.headers["Content-Type"] == "application/octet-stream"
    assert whole.headers["Content-Disposition"].startswith("attachment;")
    assert maria.get(f"{address}/reply").content.startswith(b'{"verdict"')
    assert maria.get(f"{address}/elsewhere").status == 404


def test_an_operation_shows_entries_signature_repeats_and_neighbours(
    maria: PageClient, things: ConsoleBooks
) -> None:
    page = maria.get(f"/operations/{transaction_of(things, 'hostile')}")
    shown = page.shown()

    assert "player wallet lottery −0.05 EUR" in shown
    assert "sum 0.00 EUR" in shown
    assert "does not hold under any configured secret" in shown
    assert "repeated" in shown
    (request,) = set(re.findall(r'href="(/requests/\d+)"', page.text))
    repeat = maria.get(request)
    assert "was repeated, answered 200, and moved nothing." in repeat.shown()
    assert maria.get(f"{request}/reply").status == 200
    assert 'rel="prev"' in page.text
    signed = maria.get(f"/operations/{transaction_of(things, 'signed')}").shown()
    assert "holds under a configured secret" in signed
    gift = maria.get(f"/operations/{transaction_of(things, 'gift')}").shown()
    assert "our own operation, which nobody signs" in gift


def test_a_statement_runs_through_all_pages_without_a_gap(maria: PageClient) -> None:
    address, balances, pages = "/players/ann", [], 0
    while address:
        page = maria.get(address)
        rows = re.findall(
            r'data-label="amount">([^<]*)</td>'
            r'<td class="number" data-label="balance after">([^<]*)</td>'
            r'<td data-label="decision"',
            page.text,
        )
        balances += [(minor(amount), minor(balance)) for amount, balance in rows]
        older = re.search(r'href="([^"]+)" rel="next"', page.text)
        address, pages = (older[1].replace("&amp;", "&") if older else ""), pages + 1

    assert pages >= 1
    assert len(balances) == 1 + 12 + 3
    for (amount, after), (_, before) in pairwise(balances):
        assert after - amount == before


def test_a_player_shows_wallets_rounds_breaks_and_deposits(maria: PageClient) -> None:
    page = maria.get("/players/ann")
    funds = maria.get("/players/ann?currency=EUR&only=funds")
    dated = maria.get(f"/players/ann?currency=EUR&from={DAY}")

    assert "ann has 1 wallet, active." in page.shown()
    assert 'href="/rounds/lottery/r3"' in page.text
    assert 'href="/breaks/brk-' in page.text
    assert "gift" not in page.text or "deposit" in page.shown()
    assert "deposit" in funds.shown()
    assert "r3-b" not in funds.text
    assert (
        "/operations/txn-"
        not in maria.get("/players/ann?from=2030-01-01")
        .text.partition('id="statement"')[2]
        .partition('id="rounds"')[0]
    )
    assert "before" in dated.shown()
    assert maria.get("/players/ann?currency=XXX").status == 404
    assert maria.get("/players/ann?before=soon").status == 400


def test_a_batch_a_seal_and_a_file_have_pages(maria: PageClient, things: ConsoleBooks) -> None:
    ((batch,),) = things.rows("SELECT batch_id FROM operations WHERE op_key = 'gift'")
    shown = maria.get(f"/batches/{batch}").shown()
    seal = maria.get("/seals/2020-01-01").shown()
    checked = maria.get("/seals/2020-01-01?check=now").shown()
    file = maria.get(f"/files/{FILE_ID}")

    assert f"Batch {batch} has 1 operation and is posted." in shown
    assert "repeated" in shown
    assert "2020-01-01 is sealed, and the seals around it fit." in seal
    assert "2020-01-01 is not as it was sealed." in checked
    assert "2 rows were sealed, 0 are there" in checked
    assert "imported in part: 2 records read, 1 line refused." in file.shown()
    assert "2;\\xff\\x07" in file.shown()
    assert "#line-3" in file.text
    assert SCRIPT not in file.text
    assert maria.get(f"/files/{FILE_ID}/content").content == FILE
    assert 'href="/runs/run-' in file.text


def test_a_run_is_drawn_down_to_zero_with_the_breaks_it_opened(
    maria: PageClient, things: ConsoleBooks
) -> None:
    ((run_id,),) = things.rows("SELECT run_id FROM runs LIMIT 1")
    page = maria.get(f"/runs/{run_id}")

    assert page.text.count("0.00 left") == 2
    assert "Breaks that it opened, 14" in page.shown()
    assert f'href="/breaks/{things.break_of("r3")}"' in page.text
    assert SCRIPT not in page.text


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("hostile", "/operations/txn-"),
        ("r3", "/rounds/lottery/r3"),
        ("round+lost", "/rounds/lottery/lost"),
        ("ann", "/players/ann"),
        ("batch+2", "/batches/2"),
        ("request+1", "/requests/1"),
        ("2020-01-01", "/seals/2020-01-01"),
        ("c0ffee1111", ""),
        (f"{SCRIPT}.csv", "/files/1"),
        ("txn-1-2", "/operations/txn-1-2"),
        ("fnd-0123456789abcdef0123", "/files/1"),
    ],
)
def test_a_text_opens_the_page_of_the_only_thing_it_names(
    maria: PageClient, query: str, location: str
) -> None:
    reply = maria.get(f"/find?q={query.replace('<', '%3C').replace('>', '%3E')}")

    assert reply.status == (303 if location else 200)
    assert reply.location.startswith(location)


def test_an_amount_with_its_day_is_found_from_the_one_box(maria: PageClient) -> None:
    listed = maria.get(f"/find?q=0.40+EUR+{DAY}").shown()
    nothing = maria.get("/find?q=no-such-thing").shown()

    assert "1 break" in listed
    assert "2 record hits" in listed
    assert "What was searched" in nothing
    assert "What can be searched" in nothing
    assert "invoice by id, name" in nothing


@pytest.mark.parametrize(
    "path",
    [
        *("/rounds/lottery/none", "/rounds/nobody/r1", "/operations/txn-9-9", "/operations/x"),
        *("/players/nobody", "/players/a%00b", "/batches/99999", "/batches/x", "/files/99"),
        *("/seals/2019-01-01", "/requests/99999", "/files/99/content", "/requests/9999/reply"),
    ],
)
def test_an_unknown_thing_says_what_was_searched(maria: PageClient, path: str) -> None:
    reply = maria.get(path)

    assert reply.status == 404
    assert "Searched for the" in reply.shown()


def test_the_trail_is_filtered_paged_and_downloaded(
    maria: PageClient, things: ConsoleBooks
) -> None:
    break_id = things.break_of("r5")
    maria.submit(f"/breaks/{break_id}", f"/breaks/{break_id}/comment", text=f"=1+1 {SCRIPT}")
    page = maria.get(f"/audit?person=maria&object={break_id}")
    rows = list(csv.reader(io.StringIO(maria.get("/audit.csv").content.decode("utf-8-sig"))))

    assert "1 step for person maria, object" in page.shown()
    assert f'href="/find?q={break_id}"' in page.text
    assert SCRIPT not in page.text
    assert "Nothing was done for person nobody." in maria.get("/audit?person=nobody").shown()
    assert {row[4] for row in rows[1:]} >= {"break.opened", "break.commented"}
    numbers = [int(row[0]) for row in rows[1:]]
    assert numbers == sorted(numbers, reverse=True)
    last = f"/audit?before={rows[1][1]}/{rows[1][0]}".replace("+", "%2B")
    assert "the newest first" in maria.get(last).shown()


def test_settings_are_shown_with_their_sources_to_those_who_may(
    site: ConsoleSite, maria: PageClient, things: ConsoleBooks
) -> None:
    page = maria.get("/settings?defaults=yes")

    assert "providers.lottery.currency" in page.shown()
    assert str(things.config) in page.shown()
    assert "default" in page.shown()
    assert "literal:secret" not in page.text
    assert ">Settings</a>" in page.text
    viewer = site.browser_of("only viewer")
    assert viewer.get("/settings").status == 403
    assert ">Settings</a>" not in viewer.get("/").text


def test_every_page_of_a_thing_is_read_by_indexes(
    maria: PageClient, site: ConsoleSite, things: ConsoleBooks
) -> None:
    break_id = things.break_of("r3")
    with recorded(site.console.readers) as statements:
        for path in (
            *("/rounds/lottery/r3", f"/operations/{transaction_of(things, 'hostile')}"),
            *("/players/ann", f"/players/ann?from={DAY}", "/players/ann?only=funds"),
            *("/batches/2", "/files/1", "/requests/1", "/seals/2020-01-01"),
            *("/audit?person=maria", "/audit?action=break.opened", f"/audit?object={break_id}"),
            f"/audit?day={NOON.date()}",
        ):
            assert maria.get(path).status == 200
    small = frozenset({"people", "seals", "break_workflows", "write_offs", "correction_trials"})
    small |= {"archived_totals"}  # asked only whether there is a row
    small |= {"archived_row_months"}  # a row a month

    assert len(statements) > 40
    assert scans_without_index(things.books.engine, statements, small=small) == []


def minor(text: str) -> int:
    return int(re.sub(r"[^\d−]", "", text).replace("−", "-"))


@pytest.fixture(scope="module")
def client(site: ConsoleSite, things: ConsoleBooks) -> ApiClient:
    """A program with the rights of maria."""
    return ApiClient(site.port, token_for(site, "maria"))


def test_a_round_and_its_operations_are_the_same_by_the_api(
    client: ApiClient, things: ConsoleBooks
) -> None:
    shown = json_of(client.get("/rounds/lottery/r3"))
    name = transaction_of(things, "r3-b")
    operation = json_of(client.get(f"/operations/{name}"))
    hostile = transaction_of(things, "hostile")
    with_bytes = json_of(client.get(f"/operations/{hostile}?bytes=true"))
    batch = json_of(client.get(f"/batches/{operation['batch']}"))

    assert shown["breaks"] == [things.break_of("r3")]
    assert shown["sums"][0]["difference"] == {"minor": 40, "currency": "EUR", "exponent": 2}
    assert name in [item["transaction"] for item in shown["operations"]]
    assert (operation["round_key"], operation["player"]) == ("r3", "ann")
    assert operation["received"] is None
    assert sum(entry["amount"]["minor"] for entry in operation["entries"]) == 0
    assert b64decode(with_bytes["received"]) == BODY
    assert with_bytes["received_size"] == len(BODY)
    assert name in [item["transaction"] for item in batch["items"]]
    for wrong in ("/operations/txn-0-0", "/batches/0", "/requests/0", "/rounds/lottery/none"):
        assert client.get(wrong).status == 404, wrong


def test_a_player_is_read_page_by_page_by_the_api(client: ApiClient) -> None:
    page = json_of(client.get("/players/ann"))
    lines = [line["transaction"] for line in page["statement"]]
    while page["next"] is not None:
        page = json_of(client.get(f"/players/ann?after={page['next']}"))
        lines += [line["transaction"] for line in page["statement"]]
    wallet = page["wallets"][0]

    assert len(lines) == len(set(lines)) > 0
    assert wallet["balance"]["currency"] == page["currency"]
    assert client.get("/players/nobody").status == 404
    assert client.get("/players/ann?currency=XTS").status == 404


def test_files_seals_and_the_trail_are_the_same_by_the_api(client: ApiClient) -> None:
    file = json_of(client.get(f"/files/{FILE_ID}"))
    content = json_of(client.get(f"/files/{FILE_ID}/content"))
    feeds = json_of(client.get("/feeds/lottery"))
    seal = json_of(client.get("/seals/2020-01-01"))
    first = json_of(client.get("/audit?limit=2"))
    second = json_of(client.get(f"/audit?limit=2&after={quote(first['next'])}"))

    assert b64decode(content["content"]) == FILE
    assert (file["verdict"], file["findings_count"]) == ("partly", 1)
    assert feeds["last_files"][0]["name"] == f"{SCRIPT}.csv"
    assert json_of(client.get("/feeds"))["items"][0]["provider"] == "lottery"
    assert (seal["first"], seal["faults"]) == (True, None)
    ids = [int(row["id"]) for row in first["items"] + second["items"]]
    assert len(set(ids)) == 4
    assert {row["action"] for row in first["items"]} >= {"token.made"}
    assert client.get("/audit?after=2026").status == 400
    assert client.get("/seals/2020-01-02").status == 404
