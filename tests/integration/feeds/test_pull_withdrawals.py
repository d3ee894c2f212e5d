"""A round missing from one pull is a finding; missing from two in a row, it is withdrawn."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from feeds.finding_kinds import FindingKind
from feeds.findings import open_findings
from tests.harness.providers.api_server import Scripted
from tests.harness.providers.feed_api import NOON, a_round, a_session, listed, script
from tests.integration.feeds.test_pull_xigs import engine, pulled, short_pauses

__all__ = ["engine", "short_pauses"]

MINUTE = timedelta(minutes=1)
MISSED, GONE = FindingKind.NOT_TOLD_AGAIN, FindingKind.WITHDRAWN_RECORD


def _rounds(*numbers: int) -> dict[str, list[Scripted]]:
    items = [a_round(n, updatedAt=f"2026-06-04T11:{50 + n}:00Z") for n in numbers]
    return script([listed([a_session("s-1", *items)])])


def _findings(engine: Engine) -> list[tuple[FindingKind, str | None]]:
    with engine.connect() as connection:
        return sorted(
            (finding.kind, finding.record_id) for finding in open_findings(connection)
        )


def _stored_ids(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        query = "SELECT record_id FROM feed_records ORDER BY record_id"
        return list(connection.execute(text(query)).scalars())


def test_a_round_is_withdrawn_by_the_second_pull_that_does_not_list_it(engine: Engine) -> None:
    pulled(engine, _rounds(1, 2, 3))

    pulled(engine, _rounds(1, 3), now=NOON + MINUTE)
    assert _stored_ids(engine) == ["r-1", "r-2", "r-3"]
    assert _findings(engine) == [(MISSED, "r-2")]

    for minutes in (2, 3):
        pulled(engine, _rounds(1, 3), now=NOON + minutes * MINUTE)
        assert _stored_ids(engine) == ["r-1", "r-3"]
        assert _findings(engine) == [(GONE, "r-2")]

    pulled(engine, _rounds(1, 2, 3), now=NOON + 4 * MINUTE)
    assert _stored_ids(engine) == ["r-1", "r-2", "r-3"]
    assert _findings(engine) == []


def test_a_round_that_one_pull_missed_is_no_finding_once_it_is_listed_again(
    engine: Engine,
) -> None:
    pulled(engine, _rounds(1, 2, 3))
    pulled(engine, _rounds(1, 3), now=NOON + MINUTE)
    pulled(engine, _rounds(1, 2, 3), now=NOON + 2 * MINUTE)
    assert _findings(engine) == []
    pulled(engine, _rounds(1, 3), now=NOON + 3 * MINUTE)
    assert (_stored_ids(engine), _findings(engine)) == (
        ["r-1", "r-2", "r-3"],
        [(MISSED, "r-2")],
    )


@pytest.mark.parametrize("numbers", [(), (1,), (2, 3)])
def test_a_pull_never_withdraws_rounds_outside_the_time_it_lists(
    engine: Engine, numbers: tuple[int, ...]
) -> None:
    pulled(engine, _rounds(1, 2, 3))
    for minutes in (1, 2, 3):
        pulled(engine, _rounds(*numbers), now=NOON + minutes * MINUTE)
    missing = [f"r-{n}" for n in (1, 2, 3) if n not in numbers]
    assert _stored_ids(engine) == ["r-1", "r-2", "r-3"]
    assert _findings(engine) == [(MISSED, name) for name in missing]


def test_a_pull_with_an_unreadable_round_withdraws_nothing(engine: Engine) -> None:
    pulled(engine, _rounds(1, 2, 3))
    torn = a_round(2, updatedAt="2026-06-04T11:52:00Z", bet=None)
    others = [a_round(n, updatedAt=f"2026-06-04T11:{50 + n}:00Z") for n in (1, 3)]
    for minutes in (1, 2):
        answers = script([listed([a_session("s-1", *others, torn)])])
        pulled(engine, answers, now=NOON + minutes * MINUTE)
    assert _stored_ids(engine) == ["r-1", "r-2", "r-3"]
    assert [kind for kind, _ in _findings(engine)] == [FindingKind.UNPARSABLE_RECORD]


def test_a_round_whose_new_time_is_ahead_of_our_clock_is_not_missing(engine: Engine) -> None:
    pulled(engine, _rounds(1, 2, 3))
    ahead = a_round(2, prize=90, updatedAt="2026-06-04T12:05:00Z")
    others = [a_round(n, updatedAt=f"2026-06-04T11:{50 + n}:00Z") for n in (1, 3)]
    answers = script([listed([a_session("s-1", *others, ahead)])])
    for minutes in (1, 2, 3):
        pulls, _ = pulled(engine, answers, now=NOON + minutes * MINUTE)
        assert (pulls["rounds"].received, pulls["rounds"].stored) == (2, 0)
        assert (_stored_ids(engine), _findings(engine)) == (["r-1", "r-2", "r-3"], [])

    pulls, _ = pulled(engine, answers, now=NOON + 6 * MINUTE)
    assert (pulls["rounds"].received, pulls["rounds"].stored) == (3, 1)
