"""Authentic callbacks that cannot be read are kept, and people hear of them."""

import pytest

from feeds.finding_kinds import FindingKind
from feeds.findings import FeedFinding, open_findings, resolve_finding
from ledger.checks.run import verify
from providers.contract import Callback
from storage.queue.state import read_state
from tests.harness.books.delivered import commit, history, transaction
from tests.integration.workers.test_jobs import JobEnvironment, env
from vocabulary.clock import SystemClock
from vocabulary.outcomes import Verdict
from workers.ingest import ingest
from workers.outcomes import Done, Parked

__all__ = ["env"]

NOISE = "0.30000000000000004"


def win(key: str) -> Callback:
    return transaction("42", key, action="result", amount=NOISE)


def waiting(env: JobEnvironment) -> int:
    """Deliveries that a worker has to look at, as an operator sees it."""
    return read_state(env.engine).uningested.rows


def findings(env: JobEnvironment) -> list[FeedFinding]:
    with env.engine.connect() as connection:
        return open_findings(connection)


def test_history_that_cannot_be_read_is_answered_kept_and_a_finding(
    env: JobEnvironment,
) -> None:
    unreadable = history("r1", payout=20, updated="25:00:00")

    accepted = commit(env.url, env.providers["games"], [unreadable])

    assert [decision.verdict for decision in accepted.decisions] == [Verdict.RECORDED]
    assert [decision.reply.status for decision in accepted.decisions] == [200]
    assert accepted.recorded
    assert ingest(env.context()) == Parked(1)
    ((body,),) = env.books.rows("SELECT body FROM deliveries WHERE verdict = 'recorded'")
    assert body == unreadable.body
    (finding,) = findings(env)
    assert finding.kind is FindingKind.UNPARSABLE_RECORD
    assert finding.detail.endswith("updatedAt: an instant that exists is expected")
    assert env.books.rows("SELECT job FROM parked") == [("ingest.v1",)]


def test_a_win_with_float_noise_is_a_finding_because_its_player_is_unpaid(
    env: JobEnvironment,
) -> None:
    accepted = commit(env.url, env.providers["sport"], [win("w1"), win("w2")])

    assert [decision.verdict for decision in accepted.decisions] == [Verdict.MALFORMED] * 2
    assert accepted.recorded  # a worker looks at them
    assert ingest(env.context()) == Done(2)
    (finding,) = findings(env)
    today = SystemClock().now().date()
    assert (finding.kind, finding.provider) == (FindingKind.UNREADABLE_CALLBACK, "sport")
    assert f"callbacks of {today}, /transaction: amount: without float noise" in finding.detail
    assert "a player may be unpaid" in finding.detail
    assert finding.covers is not None
    assert finding.covers.start.date() == today
    assert finding.evidence["count"] == 2
    assert len(finding.evidence["deliveries"]) == 2


def test_what_was_looked_at_contradicts_no_book(env: JobEnvironment) -> None:
    commit(env.url, env.providers["sport"], [win("w1")])

    assert waiting(env) == 1
    ingest(env.context())

    assert waiting(env) == 0
    assert [result.name for result in verify(env.engine) if result.wrong] == []


def test_further_callbacks_are_counted_once_in_the_same_finding(env: JobEnvironment) -> None:
    for key in ("w1", "w2"):
        commit(env.url, env.providers["sport"], [win(key)])
        ingest(env.context())

    assert ingest(env.context()) == Done(0)
    (finding,) = findings(env)
    assert finding.evidence["count"] == 2


def test_a_person_resolves_the_finding(env: JobEnvironment) -> None:
    commit(env.url, env.providers["sport"], [win("w1")])
    ingest(env.context())
    (finding,) = findings(env)

    with env.engine.begin() as connection:
        resolve_finding(connection, finding.id, by="maria", now=SystemClock().now())

    assert findings(env) == []


def test_a_resolved_finding_is_open_again_with_further_callbacks(env: JobEnvironment) -> None:
    commit(env.url, env.providers["sport"], [win("w1")])
    ingest(env.context())
    (finding,) = findings(env)
    with env.engine.begin() as connection:
        resolve_finding(connection, finding.id, by="maria", now=SystemClock().now())

    commit(env.url, env.providers["sport"], [win("w2")])
    ingest(env.context())

    (again,) = findings(env)
    assert (again.id, again.evidence["count"]) == (finding.id, 2)


@pytest.mark.parametrize("token", ["10.00", '"10.00"'])
def test_sound_callbacks_are_no_findings(env: JobEnvironment, token: str) -> None:
    sound = transaction("42", "b1", action="bet", amount=token)
    assert not commit(env.url, env.providers["sport"], [sound]).recorded

    assert ingest(env.context()) == Done(0)
    assert findings(env) == []
