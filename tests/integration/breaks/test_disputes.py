"""``tieout dispute`` from opening to the provider's answers, on books that differ."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import openpyxl
import psycopg
import pytest
from sqlalchemy import text

from breaks.disputes.model import RoundAmounts
from breaks.disputes.opening import open_dispute
from breaks.disputes.store import claimed_disputes
from breaks.kinds import BreakKind
from breaks.lists.queries import BreakFilter, list_breaks
from breaks.states import ActionRefused
from breaks.store import transaction
from ledger.accepting.own_operations import InRound
from ledger.posting.posting import post_all_at
from ops.commands.dispute.group import app
from providers.registry import DIALECTS
from reports.disputes.requests import evidence_of
from reports.find.hits import SearchScope
from reports.find.search import find_anything
from reports.notifications.event import Circumstances
from reports.notifications.events import new_events
from reports.notifications.rules import ChatHook, EventKind, NotifyRule
from reports.pack_document import document_of
from reports.tables.disputes import claims_grid, disputes_grid
from storage.engine import open_engine
from tests.harness.books.differences.breaks import EVENING
from tests.harness.books.differences.dispute_commands import BY, PROVIDER, Disputes
from tests.harness.books.ledger import SLUG, accept, adjust
from tests.harness.books.reports import DAY, fill, pack_of, restate, run
from tests.harness.providers.speaker import configured
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.secrets import Secret


def test_a_dispute_goes_from_open_to_answered_and_breaks_follow(disputes: Disputes) -> None:
    dispute = disputes.opened("r1", "r2", "r3", "lost")
    assert {disputes.breaks()[name].state for name in ("r1", "lost")} == {"waiting"}
    assert disputes.json("show", dispute)["state"] == "open"

    rows = disputes.template(dispute)
    said = {"r1": "accepted", "r2": "rejected", "r3": "will_restate", "lost": ""}
    for row in rows:
        row |= {"answer": said[row["round_id"]], "reference": "T-9", "comment": "checked"}
    result = disputes.json("import", disputes.answers(rows), *PROVIDER, *BY)

    assert sorted(result["stored"].values()) == ["accepted", "rejected", "will_restate"]
    assert (result["repeated"], result["unanswered"], result["findings"]) == (0, 1, [])
    assert disputes.states(dispute) == {
        "r1": "accepted",
        "r2": "rejected",
        "r3": "will_restate",
        "lost": "unanswered",
    }
    states = {name: break_.state for name, break_ in disputes.breaks().items()}
    assert states["r2"] == "open"
    assert {states[name] for name in ("r1", "r3", "lost")} == {"waiting"}
    rejected = disputes.breaks()["r2"].break_id
    history = disputes.daily.json("show", rejected)
    assert history["notes"][-1]["body"].endswith("(reference T-9): checked")
    assert [row["action"] for row in history["trail"]][-1] == "break.rejected"
    assert {row["by"] for row in history["trail"][1:]} == {"maria"}


def test_history_cures_what_was_accepted_and_a_run_closes_it(disputes: Disputes) -> None:
    dispute = disputes.opened("r1", "r2")
    rows = disputes.template(dispute)
    for row in rows:
        row["answer"] = "accepted"
    disputes.run("import", disputes.answers(rows), *PROVIDER, *BY)
    disputes.daily.books.theirs("r1", 100, 0)
    disputes.daily.books.run(at=EVENING + timedelta(hours=1))

    assert disputes.states(dispute) == {"r1": "cured", "r2": "accepted"}
    claims = disputes.json("list")["claims"]
    assert [(dispute["state"], dispute["lines"], dispute["net"]) for dispute in claims] == [
        ("accepted", 1, "-0.30")
    ]


def test_a_file_is_imported_again_without_effect_and_bad_lines_are_findings(
    disputes: Disputes,
) -> None:
    dispute = disputes.opened("r1", "r2")
    rows = disputes.template(dispute)
    rows[0]["answer"] = "accepted"
    path = disputes.answers(rows)
    dry = disputes.json("import", path, *PROVIDER, *BY, "--dry-run")
    assert (dry["dry_run"], len(dry["stored"])) == (True, 1)
    assert len(disputes.json("import", path, *PROVIDER, *BY)["stored"]) == 1
    again = disputes.json("import", path, *PROVIDER, *BY)
    assert (again["stored"], again["repeated"]) == ({}, 1)

    other = [
        {**rows[0], "answer": "rejected"},
        {**rows[1], "answer": "accepted", "difference": "-9.99"},
        {**rows[1], "answer": "accepted", "line": f"{dispute}/7"},
        {**rows[1], "answer": "perhaps"},
    ]
    refused = disputes.json("import", disputes.answers(other), *PROVIDER, *BY, code=1)
    problems = [
        (finding["line_of_file"], finding["problem"]) for finding in refused["findings"]
    ]

    assert refused["stored"] == {}
    assert problems == [
        (2, "conflicting"),
        (3, "wrong_amount"),
        (4, "unknown_line"),
        (5, "unreadable"),
    ]
    with disputes.daily.books.engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM dispute_answers")).scalar_one()
    assert count == 1


def test_the_template_as_a_workbook_is_read_back(disputes: Disputes) -> None:
    dispute = disputes.opened("r1", "lost")
    archive = disputes.exported(dispute)
    (name,) = (name for name in archive.namelist() if name.endswith("/answer.xlsx"))
    book = openpyxl.load_workbook(io.BytesIO(archive.read(name)))
    sheet = book["Answers"]
    for row in (2, 3):
        sheet.cell(row, 5, "rejected")
    path = disputes.folder / "answer.xlsx"
    book.save(path)

    assert len(disputes.json("import", str(path), *PROVIDER, *BY)["stored"]) == 2
    assert set(disputes.states(dispute).values()) == {"rejected"}
    again = disputes.opened("r1")
    assert disputes.states(dispute) == {"r1": "disputed_again", "lost": "rejected"}
    assert disputes.states(again) == {"r1": "unanswered"}


def test_a_round_a_group_and_a_day_select_breaks_and_leave_out_what_has_no_money(
    disputes: Disputes,
) -> None:
    by_round = disputes.json("open", "--round", "r1", *BY)
    day = ("--day", "2026-06-04", *PROVIDER)
    counts = disputes.json("open", *day, *BY, "--dry-run")
    left_out = {f"is in {by_round['id']} already": 1}
    assert counts == {"breaks": 5, "disputable": 4, "left_out": left_out}
    assert "5 breaks, not 4" in disputes.run("open", *day, *BY, "--expect", "4", code=1)
    by_day = disputes.json("open", *day, *BY)
    group = disputes.daily.json("groups")[0]["id"]

    assert by_round["lines"] == 1
    assert by_day["lines"] == 4
    assert by_day["left_out"] == left_out
    assert "cannot be disputed" in disputes.run("open", "--group", group, *BY, code=1)


def test_what_cannot_be_disputed_is_refused_with_its_reason(disputes: Disputes) -> None:
    breaks = disputes.breaks()
    name = breaks["r1"].break_id
    disputes.daily.run("write-off", name, *BY, "--reason", "agreed by telephone")
    refused = disputes.run("open", "--break", name, *BY, code=1)
    assert "is write off proposed" in refused
    for words in ((), ("--break", name, "--round", "r1"), ("--day", "2026-06-04")):
        with pytest.raises(Malformed, match="is expected"):
            disputes.run("open", *words, *BY)
    assert "there is no dispute" in disputes.run("export", "dsp-abcdef", *BY, code=1)
    assert disputes.json("list") == {"disputes": [], "claims": []}


def test_an_answer_file_of_another_provider_changes_nothing(disputes: Disputes) -> None:
    dispute = disputes.opened("r1")
    rows = disputes.template(dispute)
    rows[0]["answer"] = "accepted"
    disputes.answers(rows)
    with psycopg.connect(disputes.daily.books.url) as connection:
        connection.execute(
            "INSERT INTO disputes (dispute_id, provider, opened_by, opened_at)"
            " VALUES ('dsp-00000000000000000000', 'casino', 'ann', now())"
        )
    rows[0]["line"] = "dsp-00000000000000000000/1"
    result = disputes.json("import", disputes.answers(rows), *PROVIDER, *BY, code=1)

    assert [finding["problem"] for finding in result["findings"]] == ["wrong_provider"]
    assert disputes.states(dispute) == {"r1": "unanswered"}


def test_packs_are_numbered_and_an_earlier_one_is_written_again(disputes: Disputes) -> None:
    first = disputes.opened("r1")
    second = disputes.opened("r2")
    out = ("--out", str(disputes.folder / "packs"), *BY)
    written = [disputes.json("export", name, *out) for name in (first, second, first)]
    again = disputes.json("export", first, "--number", "1", *out)

    assert [one["pack"] for one in written] == [1, 2, 1]
    assert [one["is_new"] for one in written] == [True, True, False]
    assert again["sha256"] == written[0]["sha256"]
    assert "has no pack 2" in disputes.run("export", first, "--number", "2", *out, code=1)
    assert disputes.json("show", first)["packs"][0]["exported_by"] == "maria"


def test_a_dispute_is_found_by_the_start_of_its_id_and_read_by_people(
    disputes: Disputes,
) -> None:
    dispute = disputes.opened("r1")
    engine = disputes.daily.books.engine
    (hit,) = find_anything(engine, dispute[:12], SearchScope(zones={"lottery": "UTC"})).hits
    shown = disputes.run("show", dispute[4:12])

    assert (hit.kind, hit.id) == ("dispute", dispute)
    assert shown.startswith(f"{dispute}  lottery  open")
    assert max(map(len, shown.splitlines())) <= 80
    assert disputes.run("list").endswith("-2.50 EUR\n")


def test_a_pack_leaves_out_what_we_booked_ourselves_in_the_round(disputes: Disputes) -> None:
    url = disputes.daily.books.url
    within = InRound(provider=SLUG, round_id="r1", side="payout")
    (corrected,) = accept(url, adjust("adj-own", 10, within=within))
    assert corrected.operations
    post_all_at(url)
    archive = disputes.exported(disputes.opened("r1"))
    (name,) = (name for name in archive.namelist() if name.endswith("/dispute.json"))
    document = json.loads(archive.read(name))
    content = b"".join(archive.read(member) for member in archive.namelist())

    requests = document["lines"][0]["requests"]
    assert [request["operation"] for request in requests] == ["r1-b"]
    assert b"adj-own" not in content
    assert b"agreed" not in content


def test_two_people_cannot_put_one_break_into_two_disputes(disputes: Disputes) -> None:
    engine = disputes.daily.books.engine
    name = disputes.breaks()["r1"].break_id

    def opens(by: str) -> bool:
        try:
            open_dispute(engine, [name], by=by, now=EVENING, exponents={}, named=True)
        except ActionRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(opens, ("maria", "jonas", "erin", "ann")))
    assert opened.count(True) == 1


def test_an_unanswered_dispute_is_told_once_when_it_is_due(disputes: Disputes) -> None:
    dispute = disputes.opened("r1", "r2")
    due = datetime.fromisoformat(disputes.json("export", dispute, *BY, *disputes.out)["due"])
    hook = ChatHook(url=Secret(reference="env:CHAT", value=b"https://chat.example.com"))
    rule = NotifyRule(name="finance", when=frozenset({EventKind.OVERDUE}), channel=hook)

    def sentences(now: datetime) -> list[str]:
        circumstances = Circumstances(now=now, sla=(), stale_after={}, exponents={})
        with disputes.daily.books.engine.connect() as connection:
            return [event.sentence for event in new_events(connection, rule, circumstances)]

    assert sentences(due - timedelta(days=1)) == []
    (sentence,) = sentences(due)
    assert sentence.startswith("An answer of lottery to a dispute is overdue since")
    rows = disputes.template(dispute)
    for row in rows:
        row["answer"] = "accepted"
    disputes.run("import", disputes.answers(rows), *PROVIDER, *BY)
    assert sentences(due) == []


@pytest.mark.parametrize("table", ["disputes", "dispute_lines", "dispute_exports"])
def test_the_database_refuses_to_change_a_dispute(disputes: Disputes, table: str) -> None:
    disputes.exported(disputes.opened("r1"))
    with (
        psycopg.connect(disputes.daily.books.url) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
    ):
        connection.execute(f"DELETE FROM {table}".encode())


def test_the_database_refuses_a_line_of_another_provider(disputes: Disputes) -> None:
    dispute = disputes.opened("r1")
    other = disputes.breaks()["r2"].break_id
    with (
        psycopg.connect(disputes.daily.books.url) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match="none that waits"),
    ):
        connection.execute(
            "INSERT INTO dispute_lines (dispute_id, line, break_id, round_id, kind, currency,"
            " difference) VALUES (%s, 9, %s, 'r2', 'payout_mismatch', 'EUR', 1)",
            [dispute, other],
        )


def test_a_record_that_changed_after_the_close_is_put_with_both_sides(database: str) -> None:
    fill(database)
    after_close = DAY.end + timedelta(hours=13)
    run(database, at=after_close, close=DAY.start.date())
    restate(database, "r2", 500, 0, at=after_close + timedelta(hours=1))
    run(database, at=after_close + timedelta(hours=2))
    engine = open_engine(database)
    breaks = list_breaks(engine, BreakFilter(kind=BreakKind.RESTATED))
    names = [break_.break_id for break_ in breaks]
    opened = open_dispute(engine, names, by="ann", now=EVENING, exponents={}, named=True)
    with engine.connect() as connection:
        evidence = evidence_of(
            connection,
            opened.dispute,
            dialect=DIALECTS["aggregator"],
            provider=configured(DIALECTS["aggregator"]),
            until=EVENING,
        )
    engine.dispose()

    assert evidence[1].records == ("r2",)
    (line,) = opened.dispute.lines
    assert line.ours is not None
    assert line.theirs is not None
    assert line.theirs.ggr - line.ours.ggr == 0
    assert line.difference != 0


def test_a_record_that_was_undone_after_the_close_is_put_as_having_moved_nothing(
    database: str,
) -> None:
    fill(database)
    after_close = DAY.end + timedelta(hours=13)
    run(database, at=after_close, close=DAY.start.date())
    restate(database, "r2", 500, 0, at=after_close + timedelta(hours=1))
    run(database, at=after_close + timedelta(hours=2))
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE feed_records SET rolled_back = true WHERE record_id = 'r2'")
    engine = open_engine(database)
    breaks = list_breaks(engine, BreakFilter(kind=BreakKind.RESTATED))
    names = [break_.break_id for break_ in breaks]
    opened = open_dispute(engine, names, by="ann", now=EVENING, exponents={}, named=True)
    engine.dispose()

    (line,) = opened.dispute.lines
    assert line.theirs == RoundAmounts(stake=0, payout=0)


def test_only_what_waits_is_read_unless_all_is_asked_for(disputes: Disputes) -> None:
    first, second = disputes.opened("r1"), disputes.opened("r2", "r3")
    rows = disputes.template(first)
    rows[0]["answer"] = "rejected"
    disputes.run("import", disputes.answers(rows), *PROVIDER, *BY)
    again = disputes.opened("r1")

    waiting, every = disputes.json("list"), disputes.json("list", "--all")

    assert [dispute["id"] for dispute in waiting["disputes"]] == [second, again]
    assert [dispute["id"] for dispute in every["disputes"]] == [first, second, again]
    assert waiting["claims"] == every["claims"]
    assert sum(claim["lines"] for claim in every["claims"]) == 3
    assert [dispute["id"] for dispute in disputes.json("list", "--most", "1")["disputes"]] == [
        second
    ]
    printed = disputes.daily.run("list", "--most", "1", group=app)
    assert second in printed
    assert again not in printed
    with transaction(disputes.daily.books.engine) as connection:
        claimed = claimed_disputes(connection)
    assert [one.dispute_id for one in claimed] == [second, again]
    assert all(line.is_claimed for one in claimed for line in one.lines)


def test_the_pack_adds_up_claimable_money_and_names_its_disputes(disputes: Disputes) -> None:
    dispute = disputes.opened("r1", "r2")
    disputes.exported(dispute)
    pack = pack_of(
        disputes.daily.books.url, at=SystemClock().now() + timedelta(days=40), provider=SLUG
    )

    (claim,), (row,) = claims_grid(pack).rows, disputes_grid(pack).rows

    assert [str(value) for value in claim[:4]] == ["unanswered", "over 30 days", "EUR", "2"]
    assert row[0] == dispute
    assert "OVERDUE" in row
    assert row[-1] == claim[-1]
    listed = disputes.json("list")["claims"]
    assert document_of(pack).text(claims_grid(pack).columns[-1], claim[-1]) == listed[0]["net"]
