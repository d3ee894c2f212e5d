"""The pages of operations: the pipeline, its queues and parked work."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from console.pages.ops.figures import figures_of
from console.pages.ops.overview import read_events, stream_address
from console.pipeline import Part
from ops.commands.daemons.console import open_console
from tests.harness.books.console import SCRIPT, ConsoleBooks
from tests.harness.servers.api import ApiClient, json_of, token_for
from tests.harness.servers.console import ConsoleSite, PageClient

_KILL_WAITER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE wait_event_type = 'Lock' AND query LIKE '%requeue_parked%'
"""
_PARK = """
INSERT INTO parked (job, subject, cause, detail, fingerprint, context)
SELECT :job, :what || ' ' || n, :cause, :detail, :print, CAST(:context AS jsonb)
  FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) n
"""


@pytest.fixture(scope="module")
def operator(site: ConsoleSite) -> PageClient:
    """Somebody who may decide about queues."""
    return site.browser_of("only ops")


@pytest.fixture
def parked(console_books: ConsoleBooks) -> Iterator[None]:
    """Ingest work that failed for two causes, in 61 and 3 pieces, and one batch."""
    engine = console_books.books.engine
    rows = [
        ("ingest.v1", "delivery", SCRIPT, "aaaaaaaaaaaa", 1000, 1060),
        ("ingest.v1", "delivery", "KeyError", "bbbbbbbbbbbb", 2000, 2002),
        ("post.v1", "batch", "entries_sum_to_zero", "cccccccccccc", 900, 900),
    ]
    context = {
        "stack": ["ingest.py:80 _record", "parse.py:12 parse"],
        "operations": [{"op_key": f"op-{SCRIPT}", "provider": "lottery", "kind": "bet"}],
        "note": SCRIPT,
    }
    with engine.begin() as connection:
        for job, what, cause, print_, first, last in rows:
            params = {"job": job, "what": what, "cause": cause, "print": print_}
            params |= {"first": str(first), "last": str(last), "detail": f"failed {SCRIPT}"}
            connection.execute(text(_PARK), {**params, "context": json.dumps(context)})
    yield
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM parked"))


def test_the_overview_says_what_cannot_be_seen_and_never_zero_for_it(
    operator: PageClient,
) -> None:
    page = operator.get("/ops")
    shown = page.shown()

    assert page.status == 200
    assert "need somebody" in shown
    assert "Messages in the broker cannot be seen: the broker is out of reach" in shown
    assert "Receivers cannot be seen: none answers at http://127.0.0.1:8080" in shown
    assert "Not seen: messages in the broker" not in shown, "a finding says so already"
    assert "Not seen: receivers" not in shown
    assert "not ours to look into" in shown
    assert 'data-live="queue.post.waiting" data-state="">–<' in page.text
    assert "None has been seen: nobody posts or takes in" in shown
    assert "no day is sealed" in shown
    assert "not run since results are kept" in shown


def test_a_proof_is_kept_with_its_outcome_and_what_it_covered(
    console_books: ConsoleBooks,
) -> None:
    console_books.run("ledger", "verify", by="ann")
    console_books.run("ledger", "verify", "--wallets", "1-2", by="ann")
    console = open_console(console_books.context)
    pipeline = console.config.read_pipeline()
    for engine in (console.readers, console.writers):
        engine.dispose()
    figures = figures_of(pipeline)

    assert console_books.rows("SELECT kind, scope, is_clean FROM proof_runs ORDER BY 2") == [
        ("verify", "", True),
        ("verify", "wallets 1 to 2", True),
    ]
    assert figures["proof.verify.outcome"] == {"text": "proven", "state": "well"}
    assert figures["proof.replay.age"] == {"text": "never", "state": ""}


def test_events_carry_figures_and_count_rows_that_the_page_lacks(
    site: ConsoleSite,
) -> None:
    config = site.console.config
    pipeline = config.read_pipeline()
    shown = frozenset(stream_address(pipeline).partition("=")[2].split("."))
    values, new = read_events(config, shown, "")
    missing = replace(pipeline, state=Part(why="the database is out of reach"))
    fewer = replace(config, read_pipeline=lambda: missing)
    unseen, more = read_events(fewer, shown, "")

    assert values.data["queue.post.waiting"] == {"text": "–", "state": ""}
    assert new.data == {"ops": 0}
    assert "queue.post.state" not in unseen.data
    assert more.data == {"ops": 1}


def test_a_queue_is_paused_and_resumed_once_with_a_reason_and_an_audit_row(
    operator: PageClient, console_books: ConsoleBooks
) -> None:
    before = operator.get("/ops/queues/post")
    fields = {"form_token": before.field("form_token"), "seen": before.field("seen")}
    bare = operator.post("/ops/queues/post/pause", fields)
    paused = operator.post("/ops/queues/post/pause", {**fields, "reason": "disk <full>"})
    again = operator.post("/ops/queues/post/pause", {**fields, "reason": "me too"})
    shown = operator.get("/ops/queues/post").shown()
    operator.submit("/ops/queues/post", "/ops/queues/post/resume", reason="mended")

    assert bare.status == 400
    assert paused.location == "/ops/queues/post?done=paused"
    assert again.status == 409
    assert "paused by only ops: disk <full>" in again.shown()
    assert "is paused by only ops: disk <full>" in shown
    assert console_books.rows("SELECT * FROM paused_queues") == []
    audited = console_books.rows(
        "SELECT a.action, p.name, a.detail ->> 'why'"
        " FROM audit a JOIN people p USING (person_id)"
        " WHERE a.subject = 'queue post' ORDER BY audit_id"
    )
    assert audited == [
        ("queue.paused", "only ops", "disk <full>"),
        ("queue.resumed", "only ops", "mended"),
    ]
    assert operator.get("/ops/queues/none").status == 404


@pytest.mark.usefixtures("parked")
def test_parked_work_is_listed_by_cause_and_in_pages_with_stack_and_rows(
    operator: PageClient,
) -> None:
    page = operator.get("/ops/parked")
    more = operator.get("/ops/parked?cause=aaaaaaaaaaaa")
    last = operator.get("/ops/parked?cause=aaaaaaaaaaaa&after=" + str(10**9))
    none = operator.get("/ops/parked?older=60")
    wrong = operator.get("/ops/parked?older=soon")

    assert "65 pieces of work are parked for 3 causes." in page.shown()
    assert "showing 50 of 65" in page.shown()
    assert "ingest.py:80 _record" in page.shown()
    assert "op-<script>" in page.shown()
    assert "<script>alert" not in page.text
    assert "showing 50 of 61" in more.shown()
    assert last.status == 200
    assert "Nothing that these filters select is parked." in none.shown()
    assert wrong.status == 400


@pytest.mark.usefixtures("parked")
def test_requeueing_shows_the_count_first_and_is_done_once(
    operator: PageClient, console_books: ConsoleBooks
) -> None:
    address = "/ops/parked/requeue"
    requested = operator.get(f"{address}?cause=bbbbbbbbbbbb")
    names = ("form_token", "version", "seen", "cause")
    fields = {name: requested.field(name) for name in names}
    done = operator.post(address, {**fields, "reason": "repaired"})
    twice = operator.post(address, {**fields, "reason": "repaired"})

    assert "3 pieces of work would be requeued." in requested.shown()
    assert done.location == "/ops/parked?done=requeued"
    assert twice.status == 409
    assert "0 selected" in twice.shown()
    audited = console_books.rows(
        "SELECT actor, count(*) FROM audit WHERE action = 'queue.requeued' GROUP BY actor"
    )
    assert audited == [("only ops", 3)]
    assert console_books.rows("SELECT count(*) FROM parked") == [(62,)]


@pytest.mark.usefixtures("parked")
def test_a_database_that_dies_within_a_decision_leaves_it_undone_and_the_form_valid(
    operator: PageClient, console_books: ConsoleBooks
) -> None:
    address = "/ops/parked/requeue"
    requested = operator.get(f"{address}?cause=bbbbbbbbbbbb")
    fields = {
        name: requested.field(name) for name in ("form_token", "version", "seen", "cause")
    }
    fields["reason"] = "within an outage"
    audited = "SELECT count(*) FROM audit WHERE detail ->> 'why' = 'within an outage'"
    with ThreadPoolExecutor() as pool, console_books.books.engine.connect() as holder:
        holder.execute(text("SELECT FROM parked WHERE subject = 'delivery 2002' FOR UPDATE"))
        waiting = pool.submit(operator.post, address, fields)
        while not console_books.rows(_KILL_WAITER):
            time.sleep(0.02)
        broken = waiting.result()
        holder.rollback()
    undone = (console_books.rows("SELECT count(*) FROM parked"), console_books.rows(audited))
    done = operator.post(address, fields)

    assert broken.status == 503
    assert undone == ([(65,)], [(0,)])
    assert done.location == "/ops/parked?done=requeued"
    assert console_books.rows(audited) == [(3,)]


@pytest.mark.usefixtures("parked")
def test_work_that_was_parked_meanwhile_is_not_decided_about(
    operator: PageClient, console_books: ConsoleBooks
) -> None:
    requested = operator.get("/ops/parked/discard?cause=bbbbbbbbbbbb")
    fields = {
        name: requested.field(name) for name in ("form_token", "version", "seen", "cause")
    }
    with console_books.books.engine.begin() as connection:
        again = "UPDATE parked SET times = times + 1 WHERE subject = 'delivery 2001'"
        connection.execute(text(again))
    stale = operator.post("/ops/parked/discard", {**fields, "reason": "useless"})

    assert stale.status == 409
    assert "3 selected" in stale.shown()
    assert console_books.rows("SELECT count(*) FROM parked") == [(65,)]


@pytest.mark.usefixtures("parked")
def test_batches_hold_money_and_cannot_be_discarded(
    operator: PageClient, console_books: ConsoleBooks
) -> None:
    requested = operator.get("/ops/parked/discard?job=post.v1")
    token = operator.get("/ops/parked/requeue?job=post.v1").field("form_token")
    fields = {"form_token": token, "job": "post.v1", "reason": "away with it"}
    refused = operator.post("/ops/parked/discard", fields)

    assert "cannot be discarded" in requested.shown()
    assert refused.status == 422
    assert "money" in refused.shown()
    assert console_books.rows("SELECT count(*) FROM parked WHERE job = 'post.v1'") == [(1,)]


@pytest.mark.usefixtures("parked")
def test_the_pipeline_is_read_and_worked_by_the_api(site: ConsoleSite) -> None:
    client = ApiClient(site.port, token_for(site, "only ops"))
    queue, why = "/ops/queues/post", {"reason": "a test"}
    shown = json_of(client.get("/ops"))
    paused = json_of(client.act(f"{queue}/pause", why))
    again = client.act(f"{queue}/pause", why)
    resumed = json_of(client.act(f"{queue}/resume", why))
    listed = json_of(client.get("/ops/parked?limit=1"))
    chosen = {"job": listed["items"][0]["job"], "reason": "mended"}
    count = sum(part["count"] for part in listed["counts"] if part["job"] == chosen["job"])
    wrong = client.act("/ops/parked/requeue", {**chosen, "count": count + 1})
    done = json_of(client.act("/ops/parked/requeue", {**chosen, "count": count}))

    assert shown["queues"]
    assert shown["sentence"] == shown["figures"]["sentence"]["text"]
    assert (paused["paused"], paused["paused_by"], paused["why"]) == (
        True,
        "only ops",
        "a test",
    )
    assert (again.status, resumed["paused"]) == (412, False)
    assert wrong.status == 412
    assert (done["action"], done["count"], done["total"]) == ("requeue", count, 0)
