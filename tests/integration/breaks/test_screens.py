"""What screens read about breaks: pages without gaps, and sums that agree with the lists."""

from datetime import UTC, timedelta

import pytest
from sqlalchemy import Engine, text

from breaks.actions import apply, assigning, explaining
from breaks.kinds import Impact
from breaks.lists.overview import last_change, open_sums, waiting_work
from breaks.lists.paging import BreakOrder, page_of_breaks
from breaks.lists.queries import BreakFilter, age_buckets, due_breaks, list_breaks
from breaks.policy import DEFAULT_RULES, SlaRule
from breaks.states import SETTLED
from storage.audit import record
from tests.harness.books.differences.break_commands import BreakCommands
from tests.harness.books.differences.breaks import EVENING
from vocabulary.errors import Malformed

EVERYTHING = BreakFilter(include_closed=True)
_RUN = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
VALUES (:name, 'p1', :at, :at, :at, :at, '{}', '{}', true)
"""


def walked(daily: BreakCommands, order: BreakOrder, *, limit: int) -> list[str]:
    """The ids of all pages, one after another."""
    ids, cursor, is_first = [], None, True
    with daily.books.engine.connect() as connection:
        while cursor is not None or is_first:
            page = page_of_breaks(
                connection, EVERYTHING, order=order, after=cursor, limit=limit
            )
            assert page.total == 5
            ids += [break_.break_id for break_ in page.breaks]
            cursor, is_first = page.next, False
    return ids


@pytest.mark.parametrize("order", list(BreakOrder))
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_have_every_break_once_in_one_order(
    daily: BreakCommands, order: BreakOrder, limit: int
) -> None:
    ids = walked(daily, order, limit=limit)

    assert sorted(ids) == sorted(
        b.break_id for b in list_breaks(daily.books.engine, EVERYTHING)
    )
    assert ids == walked(daily, order, limit=100)


def test_the_largest_difference_comes_first_whatever_its_sign(daily: BreakCommands) -> None:
    with daily.books.engine.connect() as connection:
        page = page_of_breaks(
            connection, EVERYTHING, order=BreakOrder.MONEY, after=None, limit=9
        )

    assert [break_.difference for break_ in page.breaks] == [250, -70, 40, 30, -20]


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA==", "WzEsMiwzXQ==", "W10="])
def test_a_cursor_that_is_none_of_ours_is_refused(daily: BreakCommands, cursor: str) -> None:
    with (
        daily.books.engine.connect() as connection,
        pytest.raises(Malformed, match="the link to a next page is expected"),
    ):
        page_of_breaks(connection, EVERYTHING, order=BreakOrder.AGE, after=cursor, limit=1)


def test_a_text_is_found_in_ids_players_and_sentences(daily: BreakCommands) -> None:
    def rounds(words: str) -> list[str]:
        breaks = list_breaks(daily.books.engine, BreakFilter(words=words))
        return sorted(break_.round_id for break_ in breaks)

    assert rounds("R1") == ["r1"]
    assert rounds("never booked") == ["foreign", "lost"]
    assert rounds("%") == []


def test_sums_agree_with_the_lists_they_open(daily: BreakCommands) -> None:
    engine, now = daily.books.engine, EVENING.astimezone(UTC) + timedelta(hours=30)
    first, second = (b.break_id for b in list_breaks(engine, EVERYTHING)[:2])
    apply(engine, first, assigning(to="maria", by="jonas", now=EVENING))
    apply(engine, second, explaining(by="jonas", why="known", now=EVENING))
    rules = (
        *DEFAULT_RULES,
        SlaRule(
            impact=Impact.OPERATOR_OWED,
            within=timedelta(hours=1),
            min_amount={"EUR": 50, "USD": 1},
        ),
    )
    with engine.connect() as connection:
        sums = open_sums(connection, now=now)
        work = waiting_work(connection, "maria", rules, now=now)

    unsettled = [b for b in list_breaks(engine, EVERYTHING) if b.state not in SETTLED]
    overdue = [due for due in due_breaks(engine, EVERYTHING, rules, now=now) if due.overdue]
    ages = {bucket.age for bucket in age_buckets(engine, EVERYTHING, now=now)}
    assert sum(each.breaks for each in sums) == len(unsettled) == work.open == 4
    assert sum(each.amount for each in sums) == sum(abs(b.difference) for b in unsettled)
    assert {each.age for each in sums} == ages == {"1 to 3 days"}
    assert (work.proposed, work.assigned) == (0, 1)
    assert work.overdue == len(overdue) > 0


def stamp_of(engine: Engine) -> tuple[object, ...]:
    """The stamp of what is kept, read by a connection of its own."""
    with engine.connect() as connection:
        return last_change(connection, ["p1"])


def test_a_step_that_commits_after_a_later_one_changes_the_stamp_again(
    daily: BreakCommands,
) -> None:
    engine = daily.books.engine
    before = stamp_of(engine)
    with engine.begin() as slow:
        record(slow, "maria", "break.assigned", "b1", {})
        with engine.begin() as fast:
            record(fast, "jonas", "break.assigned", "b2", {})
        between = stamp_of(engine)

    assert len({before, between, stamp_of(engine)}) == 3


def test_a_run_that_commits_after_a_later_one_changes_the_stamp_again(
    daily: BreakCommands,
) -> None:
    engine = daily.books.engine
    before = stamp_of(engine)
    with engine.begin() as slow:
        slow.execute(text(_RUN), {"name": "first", "at": EVENING})
        with engine.begin() as fast:
            fast.execute(text(_RUN), {"name": "second", "at": EVENING + timedelta(minutes=5)})
        between = stamp_of(engine)

    assert len({before, between, stamp_of(engine)}) == 3


def test_signing_in_leaves_the_stamp_as_it_is(daily: BreakCommands) -> None:
    before = stamp_of(daily.books.engine)
    with daily.books.engine.begin() as connection:
        record(connection, "maria", "session.opened", "maria", {})

    assert stamp_of(daily.books.engine) == before
