"""Claimable money as the database adds it up, beside what its lines add up to."""

from datetime import datetime, timedelta

from sqlalchemy import text

from breaks.disputes.claim_sums import claim_sums
from breaks.disputes.claims import NOT_SENT, DisputeClaim, claims_of
from breaks.disputes.model import LineState
from breaks.disputes.store import claimed_disputes
from breaks.policy import AGES
from tests.harness.books.differences.breaks import EVENING
from tests.harness.books.differences.dispute_commands import BY, PROVIDER, Disputes
from vocabulary.clock import SystemClock

#: Around the end of each range of ages, seen from a pack or an answer of now.
LATER = [
    span + change
    for span in (timedelta(0), *list(AGES.values())[:-1])
    for change in (-timedelta(seconds=30), timedelta(minutes=5))
]


def sums(disputes: Disputes, now: datetime, provider: str | None = None) -> list[DisputeClaim]:
    with disputes.daily.books.engine.connect() as connection:
        return claim_sums(connection, now=now, provider=provider)


def sums_of_lines(disputes: Disputes, now: datetime) -> list[DisputeClaim]:
    with disputes.daily.books.engine.connect() as connection:
        return claims_of(claimed_disputes(connection), now)


def answer(disputes: Disputes, dispute: str, answers: dict[str, str]) -> None:
    rows = disputes.template(dispute)
    for row in rows:
        row["answer"] = answers.get(row["round_id"], "")
    disputes.run("import", disputes.answers(rows), *PROVIDER, *BY)


def test_lines_of_every_state_add_up_as_they_do_one_by_one(disputes: Disputes) -> None:
    first = disputes.opened("r1", "r2", "r3", "lost")
    answer(disputes, first, {"r1": "accepted", "r2": "rejected", "r3": "will_restate"})
    now = SystemClock().now()
    assert sums(disputes, now) == sums_of_lines(disputes, now)
    assert {claim.state for claim in sums(disputes, now)} == {
        LineState.UNANSWERED,
        LineState.ACCEPTED,
        LineState.WILL_RESTATE,
        LineState.REJECTED,
    }

    again = disputes.opened("r2")  # in a later dispute, without a pack
    taken_back = disputes.breaks()["lost"].break_id
    disputes.daily.run("reopen", taken_back, *BY, "--reason", "we were wrong")
    disputes.daily.books.theirs("r1", 100, 0)  # cured
    disputes.daily.books.run(at=EVENING + timedelta(hours=1))

    claims = sums(disputes, now)
    assert claims == sums_of_lines(disputes, now)
    assert [(claim.state, claim.age) for claim in claims] == [
        (LineState.UNANSWERED, NOT_SENT),
        (LineState.WILL_RESTATE, "under 1 day"),
    ]
    assert disputes.states(first)["lost"] == "taken_back"
    assert disputes.states(again) == {"r2": "unanswered"}


def test_ages_count_from_the_first_pack_or_from_the_answer(disputes: Disputes) -> None:
    dispute = disputes.opened("r1", "r2")
    answer(disputes, dispute, {"r1": "accepted"})
    disputes.exported(dispute)
    instants = [SystemClock().now() + later for later in LATER]

    by_age = [sums(disputes, now) for now in instants]
    assert by_age == [sums_of_lines(disputes, now) for now in instants]
    assert {claim.age for claims in by_age for claim in claims} == set(AGES)


def test_claims_of_another_provider_are_left_out(disputes: Disputes) -> None:
    disputes.opened("r1")
    now = SystemClock().now()

    assert sums(disputes, now, "lottery") == sums(disputes, now) != []
    assert sums(disputes, now, "casino") == []


def test_claims_beyond_64_bits_are_added_up(disputes: Disputes) -> None:
    disputes.opened("r1", "r2", "lost")
    engine = disputes.daily.books.engine
    with engine.begin() as connection:  # two lines are enough where they are that large
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            text("UPDATE dispute_lines SET difference = sign(difference) * 5000000000000000000")
        )
    now = SystemClock().now()

    (claim,) = sums(disputes, now)

    assert (claim.in_our_favour, claim.in_their_favour) == (5 * 10**18, 10**19)
    assert [claim] == sums_of_lines(disputes, now)
    assert "-50000000000000000.00 EUR" in disputes.run("list")
