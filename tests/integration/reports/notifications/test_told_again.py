"""What keeps other messages waiting, and what a rule is told of again or not at all."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from breaks.policy import DEFAULT_RULES
from reports.notifications.channels import send
from reports.notifications.event import Circumstances
from reports.notifications.rules import ChatHook, EventKind, MailServer, NotifyRule
from reports.notifications.turn import notify
from storage.engine import open_engine
from storage.queue.parking import park
from tests.harness.books.reports import DAY, EVENING, fill, run
from tests.harness.servers.message_sinks import HookSink, hook_sink, login_sink
from tests.integration.reports.notifications.test_turn import SIGNATURES, WAITING
from vocabulary.clock import SystemClock
from vocabulary.secrets import Secret

LATER = EVENING + timedelta(days=1)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    fill(database)
    engine = open_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def hook() -> Iterator[HookSink]:
    with hook_sink() as sink:
        yield sink


def chat_rule(hook: HookSink, *kinds: EventKind) -> NotifyRule:
    channel = ChatHook(url=Secret(reference="env:CHAT", value=hook.url))
    return NotifyRule(name="finance", when=frozenset(kinds), channel=channel)


def circumstances(now: datetime) -> Circumstances:
    return Circumstances(now=now, sla=DEFAULT_RULES, stale_after={}, exponents={})


def turn(engine: Engine, rule: NotifyRule, now: datetime) -> int:
    return notify(engine, [rule], circumstances(now), send)


def test_a_proposal_in_a_currency_outside_iso_keeps_no_message_waiting(
    engine: Engine, hook: HookSink
) -> None:
    with engine.begin() as connection:
        connection.execute(text(WAITING.replace("'USD'", "'USDT'")))
    rule = chat_rule(hook, EventKind.APPROVAL_WANTED)
    known = replace(circumstances(EVENING), exponents={"agg": {"USDT": 6}})

    told = notify(engine, [rule], known, send)
    told_again = turn(engine, replace(rule, name="other"), EVENING)

    assert (told, told_again) == (1, 1)
    first, second = (json.loads(body)["text"] for _, body in hook.requests)
    assert "a deposit of 0.500000 USDT" in first
    assert "a deposit of 500000 USDT in its smallest units" in second


def test_a_password_that_no_login_can_send_keeps_no_other_message_waiting(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database)
    chat = replace(chat_rule(hook, EventKind.BREAK), name="chat")
    with login_sink() as mail:
        server = MailServer(
            host="127.0.0.1",
            port=mail.port,
            starttls=False,
            user="tieout",
            password=Secret(reference="env:MAIL_PASSWORD", value="gr\u00fc\u00df".encode()),
            sender="tieout@example.com",
            recipients=("finance@example.com",),
        )
        rules = [replace(chat, name="mail", channel=server), chat]
        sent = notify(engine, rules, circumstances(EVENING), send)

    assert sent == 1
    with engine.connect() as connection:
        (error,) = connection.execute(
            text("SELECT last_error FROM notifications WHERE rule = 'mail'")
        ).scalars()
    assert error.startswith("env:MAIL_PASSWORD or mail.user has another character than ASCII")


def test_a_closed_day_is_told_while_it_waits_to_be_prepared(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database, at=LATER + timedelta(hours=1), close=DAY.start.date())
    rule = chat_rule(hook, EventKind.DAY_READY)

    assert (turn(engine, rule, LATER), turn(engine, rule, LATER)) == (1, 0)

    assert "The business day 2026-03-01 is closed by run-" in hook.requests[0][1].decode()
    with engine.begin() as connection:
        connection.execute(text(SIGNATURES))
    assert turn(engine, replace(rule, name="new"), LATER) == 0


def test_a_cause_of_parked_work_is_told_again_if_it_returns(
    engine: Engine, hook: HookSink
) -> None:
    rule, now = chat_rule(hook, EventKind.PARKED), SystemClock().now()

    def parks(subject: str, at: datetime) -> None:
        with engine.begin() as connection:
            park(connection, job="post.v1", subject=subject, error=ValueError("x"))
            params = {"at": at, "subject": subject}
            connection.execute(
                text("UPDATE parked SET parked_at = :at WHERE subject = :subject"), params
            )

    def done(subject: str) -> None:
        with engine.begin() as connection:
            connection.execute(
                text("DELETE FROM parked WHERE subject = :subject"), {"subject": subject}
            )

    parks("1", now)
    parks("2", now + timedelta(seconds=1))
    told = [turn(engine, rule, now + timedelta(minutes=1))]
    done("1")
    told.append(turn(engine, rule, now + timedelta(minutes=2)))
    done("2")
    parks("3", now + timedelta(days=30))
    told += [turn(engine, rule, now + timedelta(days=31)) for _ in range(2)]

    assert told == [1, 0, 1, 0]
