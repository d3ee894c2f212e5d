"""Groups that are kept in memory are those of the books after every kind of change."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text

from breaks.lists.grouping import BreakGrouping, grouping_of
from breaks.lists.kept_groups import ASKED_EVERY, GroupList, KeptGroups
from breaks.lists.traits import open_traits
from storage.audit import record
from tests.harness.books.differences.break_commands import BreakCommands
from tests.harness.books.differences.breaks import EVENING
from tests.harness.books.ledger import SLUG
from vocabulary.clock import FrozenClock

ZONES = {SLUG: "Europe/Vienna"}
BY, WHY = ("--by", "maria"), ("--reason", "looked at")


class Behind(Executor):
    """Keeps what is to be done behind a page until it is asked for."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.waiting.append(lambda: fn(*args, **kwargs))
        return Future()

    def work(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


class Page:
    """The groups that a page shows, beside those of the books as they are."""

    def __init__(self, daily: BreakCommands) -> None:
        self.engine = daily.books.engine
        self.behind = Behind()
        self.clock = FrozenClock(EVENING)
        self.groups = KeptGroups(self.connect, self.clock, self.behind, ZONES)

    def connect(self) -> AbstractContextManager[Connection]:
        return self.engine.connect()

    def shown(self) -> GroupList:
        with self.connect() as connection:
            return self.groups.get(connection)

    def anew(self) -> BreakGrouping:
        """The groups as a console that just started has them."""
        with self.connect() as connection:
            fresh = KeptGroups(self.connect, self.clock, self.behind, ZONES)
            grouping = fresh.get(connection).grouping
            assert {b.break_id for b in grouping.breaks()} == {
                b.break_id for b in open_traits(connection)
            }
        assert grouping == grouping_of(grouping.breaks(), grouping.context)
        return grouping

    def later(self, span: timedelta) -> None:
        self.clock.instant += span


@pytest.fixture
def page(daily: BreakCommands) -> Page:
    page = Page(daily)
    page.shown()
    return page


def id_of(daily: BreakCommands, round_id: str) -> str:
    (name,) = [b["id"] for b in daily.json("list") if b["round_key"] == round_id]
    return str(name)


def test_every_step_of_a_person_is_shown_at_once(daily: BreakCommands, page: Page) -> None:
    name = id_of(daily, "r1")
    standings = []
    for words in (
        ("assign", name, "--to", "jonas", *BY),
        ("explain", name, *BY, *WHY),
        ("reopen", name, *BY, *WHY),
        ("write-off", name, *BY, *WHY),
        ("reject", name, "--by", "jonas", *WHY),
        ("wait", name, *BY, *WHY),
        ("reopen", name, *BY, *WHY),
        ("propose", name, *BY, *WHY),
        ("approve", name, "--by", "jonas"),
    ):
        daily.run(*words)
        grouping = page.shown().grouping
        assert grouping == page.anew(), words
        break_ = grouping.break_named(name)
        standings.append("gone" if break_ is None else break_.standing.value)
    assert standings == [
        *("open", "explained", "open", "open", "open"),
        *("waiting_for_provider", "open", "open", "corrected"),
    ]
    assert not page.behind.waiting


def test_a_comment_changes_no_group_and_nothing_is_made_anew(
    daily: BreakCommands, page: Page
) -> None:
    before = page.shown()
    daily.run("comment", id_of(daily, "r1"), "--text", "I look at it", *BY)
    page.later(timedelta(seconds=1))
    after = page.shown()

    assert after.grouping is before.grouping
    assert after.made_at == before.made_at + timedelta(seconds=1)


def test_what_a_run_changed_is_read_behind_the_page(daily: BreakCommands, page: Page) -> None:
    gone = id_of(daily, "r1")
    before = page.shown()
    daily.books.theirs("r1", 100, 0)
    daily.books.theirs("r2", 100, 31)
    daily.books.theirs("other", 50, 0)
    daily.books.run(at=EVENING + timedelta(hours=1))

    assert page.shown().grouping is before.grouping
    page.behind.work()
    after = page.shown().grouping
    assert after == page.anew() != before.grouping
    assert after.break_named(gone) is None
    assert after.break_named(id_of(daily, "other")) is not None


def test_a_break_that_is_found_again_comes_back(daily: BreakCommands, page: Page) -> None:
    name = id_of(daily, "lost")
    daily.books.forget("lost")
    daily.books.run(at=EVENING + timedelta(hours=1))
    page.shown()
    page.behind.work()
    assert page.shown().grouping.break_named(name) is None
    daily.books.theirs("lost", 70, 0)
    daily.books.run(at=EVENING + timedelta(hours=2))
    page.shown()
    page.behind.work()

    assert page.shown().grouping == page.anew()
    assert page.shown().grouping.break_named(name) is not None


def test_a_player_who_becomes_known_leaves_the_unknown_ones(
    daily: BreakCommands, page: Page
) -> None:
    causes = {group.cause.value for group in page.shown().groups}
    with psycopg.connect(daily.books.url) as connection:
        connection.execute("INSERT INTO players (player) VALUES ('stranger')")
    page.later(ASKED_EVERY)

    assert "unknown_player" in causes
    assert page.shown().grouping == page.anew()
    assert "unknown_player" not in {group.cause.value for group in page.shown().groups}


def test_a_day_that_gets_a_record_is_missing_no_more(daily: BreakCommands, page: Page) -> None:
    for name in ("r1", "r2", "r3", "lost", "foreign"):
        daily.books.forget(name)
    daily.books.run(at=EVENING + timedelta(hours=1))
    page.shown()
    page.behind.work()
    assert [group.cause.value for group in page.shown().groups] == ["missing_day"]
    daily.books.theirs("r1", 100, 250)
    assert page.shown().grouping.context.silent_days
    page.later(ASKED_EVERY)

    assert page.shown().grouping == page.anew()
    assert "missing_day" not in {group.cause.value for group in page.shown().groups}


def test_a_transaction_that_commits_late_is_not_missed(
    daily: BreakCommands, page: Page
) -> None:
    name = id_of(daily, "r1")
    move = text(
        "UPDATE break_workflows SET state = 'explained', settled = 250, since = now()"
        " WHERE break_id = :id"
    )
    with daily.books.engine.begin() as slow:
        record(slow, actor="ann", action="break.explained", subject=name, detail={})
        daily.run("assign", id_of(daily, "r2"), "--to", "jonas", *BY)  # a later number, at once
        early = page.shown().grouping
        slow.execute(move, {"id": name})

    assert early.break_named(name) != page.anew().break_named(name)
    assert page.shown().grouping == page.anew()


def test_a_single_break_is_found_by_the_id_of_its_group(
    daily: BreakCommands, page: Page
) -> None:
    listed = {group["id"]: group["ids"] for group in daily.json("groups")}
    grouping = page.shown().grouping

    assert grouping.alone > 0
    for group_id, breaks in listed.items():
        group = grouping.named(group_id)
        assert group is not None
        assert list(group.ids) == breaks
