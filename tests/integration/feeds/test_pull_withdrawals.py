"""A round that pulls list no longer: noted once, withdrawn by the second, or told again."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from feeds.findings import FindingKind, open_findings
from tests.harness.providers.api_server import Scripted
from tests.harness.providers.feed_api import NOON, a_round, a_session, listed, script
from tests.integration.feeds.test_pull_xigs import engine, pulled, short_pauses

__all__ = ["engine", "short_pauses"]

MINUTE = timedelta(minutes=1)
MISSED, GONE = FindingKind.NOT_TOLD_AGAIN, FindingKind.WITHDRAWN_RECORD


def _rounds(*numbers: int) -> dict[str, list[Scripted]]:
    told = [a_round(n, updatedAt=f"2026-06-04T11:{50 + n}:00Z") for n in numbers]
    return script([listed([a_session("s-1", *told)])])


def _told(engine: Engine) -> list[tuple[FindingKind, str | None]]:
    with engine.connect() as connection:
        return sorted((each.kind, each.record_id) for each in open_findings(connection))


def _held(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        query = "SELECT record_id FROM feed_records ORDER BY record_id"
        return list(connection.execute(text(query)).scalars())


def test_a_round_is_withdrawn_by_the_second_pull_that_does_not_list_it(engine: Engine) -> None:
    pulled(engine, _rounds(1, 2, 3))

    pulled(engine, _rounds(1, 3), now=NOON + MINUTE)
    assert _held(engine) == ["r-1", "r-2", "r-3"]
    assert _told(engine) == [(MISSED, "r-2")]

    for minutes in (2, 3):
        pulled(engine, _rounds(1, 3), now=NOON + minutes * MINUTE)
        assert _held(engine) == ["r-1", "r-3"]
        assert _told(engine) == [(GONE, "r-2")]

    pulled(engine, _rounds(1, 2, 3), now=NOON + 4 * MINUTE)
    assert _held(engine) == ["r-1", "r-2", "r-3"]
    assert _told(engine) == []


def test_a_round_that_one_pull_missed_is_no_finding_any_more(engine: Engine) -> None:
    pulled(engine, _rounds(1, 2, 3))
    pulled(engine, _rounds(1, 3), now=NOON + MINUTE)
    pulled(engine, _rounds(1, 2, 3), now=NOON + 2 * MINUTE)
    assert _told(engine) == []
    pulled(engine, _rounds(1, 3), now=NOON + 3 * MINUTE)
    assert (_held(engine), _told(engine)) == (["r-1", "r-2", "r-3"], [(MISSED, "r-2")])


@pytest.mark.parametrize("numbers", [(), (1,), (2, 3)])
def test_what_lies_outside_of_a_list_is_never_withdrawn_by_it(
    engine: Engine, numbers: tuple[int, ...]
) -> None:
    pulled(engine, _rounds(1, 2, 3))
    for minutes in (1, 2, 3):
        pulled(engine, _rounds(*numbers), now=NOON + minutes * MINUTE)
    missing = [f"r-{n}" for n in (1, 2, 3) if n not in numbers]
    assert _held(engine) == ["r-1", "r-2", "r-3"]
    assert _told(engine) == [(MISSED, name) for name in missing]


def test_a_list_with_an_unreadable_round_leaves_nothing_out(engine: Engine) -> None:
    pulled(engine, _rounds(1, 2, 3))
    torn = a_round(2, updatedAt="2026-06-04T11:52:00Z", bet=None)
    others = [a_round(n, updatedAt=f"2026-06-04T11:{50 + n}:00Z") for n in (1, 3)]
    for minutes in (1, 2):
        answers = script([listed([a_session("s-1", *others, torn)])])
        pulled(engine, answers, now=NOON + minutes * MINUTE)
    assert _held(engine) == ["r-1", "r-2", "r-3"]
    assert [kind for kind, _ in _told(engine)] == [FindingKind.UNPARSABLE_RECORD]
