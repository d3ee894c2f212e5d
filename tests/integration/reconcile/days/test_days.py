"""Days on the command line and in the database: closed, prepared, signed, changed, reopened."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import IntegrityError, RestrictViolation

from ledger.posting.posting import post_all_at
from tests.harness.books.differences.two_sides import NOON
from tests.integration.reconcile.conftest import AGG, DAY, STATEMENT, Office
from vocabulary.clock import SystemClock

_STEP = """
INSERT INTO day_steps (provider, business_day, number, action, by_name, eyes, reason,
                       two_people, close_no, figures)
SELECT 'agg', '2026-03-01', %s, %s, %s, ARRAY['person:0'], 'r', true, 0,
       coalesce((SELECT figures FROM day_steps ORDER BY number DESC LIMIT 1), '{}')
"""
_SEAL = """
INSERT INTO seals (day, previous, hash, batches, operations, entries, deliveries, layout)
VALUES ('2026-03-01', repeat('0', 64), repeat('a', 64), 0, 0, 0, 0, '{}')
"""


def test_a_day_is_closed_by_a_run_prepared_by_one_person_and_signed_by_another(
    office: Office,
) -> None:
    before = office.day()
    office.execute(_SEAL)
    (closed,) = office.json("day", "close", *AGG, by="maria")
    bare = office.run("day", "prepare", *AGG, by="maria", code=1)
    (prepared,) = office.json("day", "prepare", *AGG, "--reason", "asked", by="maria")
    alone = office.run("day", "sign", *AGG, by="maria", code=1)
    (signed,) = office.json("day", "sign", *AGG, by="jonas")

    assert [day["state"] for day in (before, closed, prepared, signed)] == [
        *("ready", "closed", "prepared", "signed")
    ]
    assert "open breaks: 1 of +0.30 and 0.00 USD; --reason is expected" in bare
    assert "maria prepared it: another person signs it" in alone
    figures = signed["steps"][-1]["figures"]
    assert figures["ours"]["USD"] == {
        "rounds": 3,
        "stake": "11.00",
        "payout": "2.50",
        "ggr": "8.50",
    }
    assert figures["difference"] == {"USD": "-0.30"}
    assert figures["unexplained"] == {"USD": "0.00"}
    assert figures["breaks"]["USD"]["open"] == 1
    assert signed["steps"][-1]["run_id"] == closed["closed"]["run_id"]
    assert signed["steps"][0]["reason"] == "asked"
    assert signed["steps"][-1]["seal"] == "a" * 64
    assert office.rows(
        "SELECT actor, action FROM audit WHERE subject = 'day agg 2026-03-01' ORDER BY audit_id"
    ) == [("maria", "day.closed"), ("maria", "day.prepared"), ("jonas", "day.signed")]


def test_a_day_half_a_year_ahead_is_not_signed_off(office: Office) -> None:
    ahead = (SystemClock().now() + timedelta(days=180)).date()
    words = ("--from", str(ahead), "--to", str(ahead + timedelta(days=1)), "--close-day")

    begun = office.run("reconcile", "--provider", "agg", *words, code=2)
    assert f"--from: {ahead} has not begun in UTC" in begun
    for refused in (
        office.run("day", "close", str(ahead), "--provider", "agg", by="maria", code=1),
        office.run("day", "close", "today", "--provider", "agg", by="maria", code=1),
    ):
        assert "is not over in UTC before" in refused
    prepared = office.run("day", "prepare", str(ahead), "--provider", "agg", by="maria", code=1)
    assert f"it is open until {ahead + timedelta(days=1)}T00:00:00Z" in prepared
    with pytest.raises(RestrictViolation, match="is not over"):
        office.execute(
            "INSERT INTO day_closes VALUES ('agg', %s, %s, %s, now(), 1, NULL, 0, '')",
            (ahead, ahead, ahead + timedelta(days=1)),
        )
    assert office.rows("SELECT count(*) FROM day_closes") == [(0,)]


@pytest.mark.parametrize("name", [" maria", "MARIA", "m\u0430ria", "maria "])
def test_a_leading_space_or_another_spelling_is_no_second_person(
    office: Office, name: str
) -> None:
    office.run("day", "close", *AGG, by="maria")
    office.run("day", "prepare", *AGG, "--reason", "asked", by="maria")

    code = 2 if "\u0430" in name else 1
    office.run("day", "sign", *AGG, "--by", name, by="maria", code=code)
    with pytest.raises(IntegrityError, match="nobody is registered as"):
        office.execute(_STEP, (2, "signed", name))
    assert office.day()["state"] == "prepared"


def test_figures_changed_after_sign_off_are_flagged_and_told(office: Office) -> None:
    office.sign()
    office.books.ours("r-4", 300, 0)
    office.books.write(office.database)

    day = office.day()
    said = office.run("day", "show", *AGG)

    assert (day["state"], day["changed_since"]) == ("changed since", True)
    assert day["since_sign_off"] == [
        {
            "currency": "USD",
            "ours": "+3.00",
            "theirs": "0.00",
            "open_before": 1,
            "open_now": 1,
        }
    ]
    assert "since sign-off by jonas: ours +3.00, theirs 0.00 USD; open breaks 1 → 1" in said
    assert day["steps"][-1]["figures"]["ours"]["USD"]["ggr"] == "8.50"


def test_a_break_or_a_correction_that_moves_changes_a_signed_day(office: Office) -> None:
    office.sign()
    ((break_id,),) = office.rows("SELECT break_id FROM breaks")

    office.run("breaks", "explain", break_id, "--reason", "they will restate", by="maria")

    assert office.day()["state"] == "changed since"
    (listed,) = [day for day in office.json("day", "list", "--days", "366") if day["steps"]]
    assert listed["state"] == "changed since"


@pytest.mark.parametrize("days_before", [0, 2])
def test_a_correction_of_a_signed_day_changes_it_and_shows_on_both_days(
    office: Office, days_before: int
) -> None:
    office.execute(
        "INSERT INTO adjustments (id, player, currency, amount, reason, provider, round_id,"
        " side, fund, proposed_by, proposed_at, state) VALUES (%s, 'alice', 'USD', 30,"
        " 'they paid more', 'agg', 'r-3', 'payout', 'cash', 'maria', now() - %s, 'proposed')",
        (f"adj-{1:032x}", timedelta(days=days_before)),
    )
    office.sign()
    today = str(SystemClock().now().date())

    office.run("ledger", "adjust", "approve", f"adj-{1:032x}", by="jonas")
    post_all_at(office.database)

    day, booked_on = office.day(), office.json("day", "show", today, "--provider", "agg")
    assert day["state"] == "changed since"
    assert day["since_sign_off"][0]["ours"] == "-0.30"
    for shown in (day, booked_on):
        (correction,) = shown["corrections"]
        assert (correction["amount"], correction["state"]) == ("0.30", "posted")
    said = office.run("day", "show", *AGG)
    assert f"0.30 USD by maria and jonas, round of {DAY}, decided on {today}" in said


def test_a_changed_day_is_reopened_by_another_person_and_signed_again(office: Office) -> None:
    office.sign()
    office.books.both("r-5", 100, 0)
    office.books.write(office.database)

    again = office.run("day", "close", *AGG, by="maria", code=1)
    own = office.run("day", "reopen", *AGG, "--reason", "late round", by="jonas", code=1)
    office.run("day", "reopen", *AGG, "--reason", "late round", by="erin")
    early = office.run("day", "prepare", *AGG, by="maria", code=1)
    office.sign()

    assert "was signed by jonas: reopen it first" in again
    assert "jonas signed it: another person reopens it" in own
    assert "it is reopened: `tieout day close` comes first" in early
    day = office.day()
    assert day["state"] == "signed"
    assert [step["action"] for step in day["steps"]] == [
        *("prepared", "signed", "reopened", "prepared", "signed")
    ]


def test_a_day_without_its_feed_is_closed_only_with_a_reason(office: Office) -> None:
    book = (DAY, "--provider", "book")

    waiting = office.json("day", "show", *book)
    refused = office.run("day", "close", *book, by="maria", code=1)
    by_run = office.run(
        *("reconcile", "--provider", "book", "--from", DAY, "--to", "2026-03-02"),
        "--close-day",
        code=1,
    )
    (closed,) = office.json("day", "close", *book, "--reason", "no bets that day", by="maria")

    assert waiting["state"] == "waiting for feed"
    assert "no statement of 2026-03-01 was taken in" in refused
    assert "no statement of 2026-03-01 was taken in" in by_run
    assert (closed["closed"]["by"], closed["closed"]["reason"]) == ("maria", "no bets that day")


def test_a_day_with_timing_left_stays_open_without_a_reason(office: Office) -> None:
    span = ("--provider", "agg", "--from", DAY, "--to", "2026-03-02", "--close-day")
    long = ("--maturity", "9000d")
    office.books.ours("r-6", 100, 0)
    office.books.write(office.database)

    refused = office.run("reconcile", *span, *long, code=1)
    assert "stays open" in refused
    assert "1 round is still timing" in refused
    assert office.rows("SELECT count(*) FROM day_closes") == [(0,)]
    office.run("reconcile", *span, *long, "--reason", "they know", by="maria", code=1)
    assert office.rows("SELECT reason, closed_by FROM day_closes") == [("they know", "maria")]


def test_statements_of_the_application_role_meet_the_rules_of_days(office: Office) -> None:
    office.run("day", "close", *AGG, by="maria")
    for step, message in {
        (1, "signed", "jonas"): "it is not prepared",
        (1, "reopened", "jonas"): "nothing is prepared or signed",
        (2, "prepared", "jonas"): "somebody took another step",
        (1, "prepared", "nobody"): "nobody is registered",
    }.items():
        with pytest.raises(RestrictViolation, match=message):
            office.execute(_STEP, step)
    office.execute(_STEP, (1, "prepared", "maria"))
    with pytest.raises(RestrictViolation, match="two steps by one person"):
        office.execute(_STEP, (2, "signed", "maria"))
    with pytest.raises(RestrictViolation, match="append-only"):
        office.execute("UPDATE day_steps SET by_name = 'jonas'")
    office.execute(_STEP, (2, "signed", "jonas"))
    for change in ("closed_at = now()", "digest = ''"):
        with pytest.raises(RestrictViolation, match="reopen it first"):
            office.execute(f"UPDATE day_closes SET {change}")


def test_of_two_people_who_act_at_once_one_is_refused(office: Office) -> None:
    office.run("day", "close", *AGG, by="maria")
    with psycopg.connect(office.database) as first, psycopg.connect(office.database) as second:
        first.execute(_STEP.encode(), (1, "prepared", "maria"))
        second.execute("SET lock_timeout = '1s'")
        with pytest.raises(psycopg.errors.LockNotAvailable, match="lock timeout"):
            second.execute(_STEP.encode(), (1, "prepared", "jonas"))
        first.commit()
        second.rollback()
        with pytest.raises(RestrictViolation, match="somebody took another step meanwhile"):
            second.execute(_STEP.encode(), (1, "prepared", "jonas"))
    assert office.rows("SELECT by_name FROM day_steps") == [("maria",)]


def test_only_an_approver_signs_and_a_person_who_left_does_nothing(office: Office) -> None:
    office.run("day", "close", *AGG, by="maria")
    office.run("day", "prepare", *AGG, "--reason", "asked", by="maria")
    office.execute("UPDATE people SET roles = '{finance}' WHERE name = 'jonas'")
    office.execute("UPDATE people SET disabled_at = now() WHERE name = 'erin'")

    assert "jonas (finance) may not sign days" in office.run(
        "day", "sign", *AGG, by="jonas", code=1
    )
    assert "erin is disabled" in office.run("day", "sign", *AGG, by="erin", code=1)


def test_who_left_between_two_steps_takes_no_further_one_and_what_they_began_stands(
    office: Office,
) -> None:
    office.run("day", "close", *AGG, by="maria")
    ((break_id,),) = office.rows("SELECT break_id FROM breaks")
    office.run("breaks", "propose", break_id, "--reason", "their figure", by="maria")
    office.leave("jonas")
    approval = office.run("breaks", "approve", break_id, by="jonas", code=1)
    office.leave("maria")
    office.come_back("jonas")
    office.run("breaks", "approve", break_id, by="jonas")
    post_all_at(office.database)
    office.come_back("maria")
    office.run("day", "prepare", *AGG, "--reason", "one correction", by="maria")
    office.leave("jonas")
    signature = office.run("day", "sign", *AGG, by="jonas", code=1)
    office.leave("maria")
    again = office.run("day", "prepare", *AGG, "--reason", "again", by="maria", code=1)
    office.come_back("jonas")
    (signed,) = office.json("day", "sign", *AGG, by="jonas")

    assert ["jonas is disabled" in refusal for refusal in (approval, signature)] == [True, True]
    assert "maria is disabled" in again
    assert [step["by"] for step in signed["steps"]] == ["maria", "jonas"]
    assert office.rows("SELECT proposed_by, decided_by FROM adjustments") == [
        ("maria", "jonas")
    ]


def test_one_sweep_takes_in_reconciles_closes_and_says_what_is_left(office: Office) -> None:
    inbox = office.folder / "inbox" / "book"
    inbox.mkdir(parents=True)
    (inbox / "2026-03-01.csv").write_text(STATEMENT, encoding="utf-8")
    out = office.folder / "packs"

    agg, book = office.json("day", "run", "--day", DAY, "--out", str(out), code=1)

    assert (agg["state"], book["state"]) == ("closed", "closed")
    assert agg["closed"]["by"] == "tieout"
    assert agg["reasons"][0] == "open breaks: 1 of +0.30 and 0.00 USD"
    assert book["figures"]["theirs"]["USD"]["stake"] == "9.00"
    assert book["received"] is not None
    assert agg["pack"]
    assert all(Path(path).is_file() for path in (*agg["pack"], *book["pack"]))
    table = office.run(
        "day", "run", "--day", DAY, "--provider", "agg", "--out", str(out), code=1
    )
    assert "closed" in table


def test_a_sweep_of_a_day_that_is_not_over_closes_nothing(office: Office) -> None:
    (today,) = office.json("day", "run", "--day", "today", "--provider", "agg", code=1)

    assert today["state"] == "open"
    assert today["reasons"][0].startswith("the day is not over before")


def test_a_day_that_is_no_day_is_named(office: Office) -> None:
    assert "today or yesterday is expected" in office.run(
        "day", "show", "tomorrow", "--provider", "agg", code=2
    )


def test_the_noon_of_the_rows_is_on_the_day() -> None:
    assert str(NOON.date()) == DAY
