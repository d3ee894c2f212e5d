"""Each event is told once, over real channels; what cannot be sent is tried again and kept."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from breaks.actions import Note, apply, noting
from breaks.mentions import mark_read
from breaks.policy import DEFAULT_RULES
from breaks.write_offs import propose_write_off
from feeds.coverage import feed_health
from feeds.overview import feeds_of
from reports.notifications import channels, event, outbox
from reports.notifications.channels import send
from reports.notifications.event import Circumstances
from reports.notifications.outbox import ATTEMPTS_MAX, WAIT_MAX
from reports.notifications.rules import ChatHook, EventKind, MailServer, NotifyRule, Webhook
from reports.notifications.turn import notify
from storage.engine import open_engine
from storage.people import get_person
from storage.queue.parking import park
from tests.harness.books.reports import DAY, EVENING, HOSTILE, fill, restate, run
from tests.harness.servers.message_sinks import HookSink, MailSink, hook_sink, mail_sink
from tests.harness.servers.ports import free_port
from vocabulary.secrets import Secret

#: One person prepares the day, another signs it; neither side has any money.
SIGNATURES = """
INSERT INTO day_steps (provider, business_day, number, action, by_name, eyes, two_people,
                       close_no, figures)
VALUES ('agg', '2026-03-01', 1, 'prepared', 'maria', '{}', true, 0,
        '{"ours": {}, "theirs": {}, "breaks": {}, "state": "ready"}');
INSERT INTO day_steps (provider, business_day, number, action, by_name, eyes, two_people,
                       close_no, figures)
VALUES ('agg', '2026-03-01', 2, 'signed', 'jonas', '{}', true, 0,
        '{"ours": {}, "theirs": {}, "breaks": {}, "state": "ready"}');
"""
#: A deposit and limits that one person proposed.
WAITING = """
INSERT INTO fund_requests (request_id, operation_key, document, player, currency, amount,
                           reason, proposed_by, proposed_at, state)
VALUES ('dep-' || repeat('1', 32), 'k', '{}', 'p', 'USD', 500000, 'r', 'maria', now(),
        'proposed');
INSERT INTO limit_versions (digest, document, proposed_by, proposed_at, state)
VALUES (repeat('b', 64), '{}', 'maria', now(), 'first');
INSERT INTO limit_versions (digest, document, proposed_by, proposed_at, state)
VALUES (repeat('a', 64), '{}', 'maria', now(), 'proposed');
"""
#: A provider of which one feed is read and the other is not.
PULLS = """
INSERT INTO feed_watermarks (provider, feed, watermark, pulled_at, records)
VALUES ('two', 'rounds', :now, :now, 1), ('two', 'deliveries', :stale, :now, 0)
"""
#: Two changed records of another provider, then one of ours.
CHANGES = """
INSERT INTO feed_findings (finding_id, provider, feed, scope, kind, severity, record_id, detail,
                           first_seen, last_seen)
SELECT 'fnd-' || repeat(n::text, 20), provider, 'push', 'day', 'restated_after_close',
       'warning', record_id, '', CAST(:now AS timestamptz) + n * interval '1 minute', :now
  FROM (VALUES (1, 'other', 'a'), (2, 'other', 'b'), (3, 'agg', 'ours'))
       AS c (n, provider, record_id)
"""
LATER = EVENING + timedelta(days=1)
HOUR = timedelta(hours=1)
WEBHOOK_SECRET = Secret(reference="env:HOOK", value=b"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")


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


@pytest.fixture
def mail() -> Iterator[MailSink]:
    with mail_sink() as sink:
        yield sink


def _chat(hook: HookSink) -> ChatHook:
    return ChatHook(url=Secret(reference="env:CHAT", value=hook.url))


def _server(port: int) -> MailServer:
    return MailServer(
        host="127.0.0.1",
        port=port,
        starttls=False,
        user="",
        password=None,
        sender="tieout@example.com",
        recipients=("finance@example.com",),
    )


def _turn(engine: Engine, rule: NotifyRule, now: datetime = EVENING) -> int:
    circumstances = Circumstances(
        now=now,
        sla=DEFAULT_RULES,
        stale_after={"agg": timedelta(hours=1)},
        exponents={},
        pushing=frozenset({"agg"}),
    )
    return notify(engine, [rule], circumstances, send)


def _rule(channel: MailServer | Webhook | ChatHook, *kinds: EventKind) -> NotifyRule:
    return NotifyRule(name="finance", when=frozenset(kinds), channel=channel)


def test_a_break_above_an_amount_is_told_once(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database)
    rule = replace(_rule(_chat(hook), EventKind.BREAK), over={"USD": 200})
    assert (_turn(engine, rule), _turn(engine, rule)) == (1, 0)
    ((_, body),) = hook.requests
    message_text = json.loads(body)["text"]
    assert "3.00 USD" in message_text
    assert "1.25 USD" not in message_text
    assert HOSTILE not in message_text


def test_a_rule_may_allow_players_to_be_named(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database)
    _turn(engine, replace(_rule(_chat(hook), EventKind.BREAK), players=True))
    assert f"Player {HOSTILE}" in json.loads(hook.requests[0][1])["text"]


def test_a_trial_goes_to_the_chosen_address_though_the_rule_is_disabled(
    engine: Engine, database: str, mail: MailSink
) -> None:
    run(database)
    rule = _rule(_server(mail.port), EventKind.BREAK)
    with engine.begin() as connection:
        outbox.request_test(
            connection, "finance", by="ann", now=EVENING, recipients=["me@example.com"]
        )
    circumstances = Circumstances(now=EVENING, sla=DEFAULT_RULES, stale_after={}, exponents={})
    sent = notify(engine, [], circumstances, send, disabled=[rule])

    assert (sent, _turn(engine, rule)) == (1, 1)
    assert [message["To"] for message in mail.mails] == [
        "me@example.com",
        "finance@example.com",
    ]


def test_mail_reaches_a_real_mail_server(engine: Engine, database: str, mail: MailSink) -> None:
    run(database)
    assert _turn(engine, _rule(_server(mail.port), EventKind.BREAK)) == 1
    (message,) = mail.mails
    assert message["To"] == "finance@example.com"
    assert "3.00 USD" in str(message.get_payload())


def test_mail_that_is_refused_is_tried_again_later(
    engine: Engine, database: str, mail: MailSink
) -> None:
    run(database)
    rule = _rule(_server(mail.port), EventKind.BREAK)
    mail.refuses = "550 no such user"
    assert _turn(engine, rule) == 0
    mail.refuses = ""
    assert _turn(engine, rule) == 0, "the next attempt is not due yet"
    assert _turn(engine, rule, EVENING + timedelta(minutes=1)) == 1
    assert len(mail.mails) == 1


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_a_2xx_counts_as_sent(
    engine: Engine, database: str, hook: HookSink, status: int
) -> None:
    run(database)
    hook.status = status
    webhook = Webhook(url=_chat(hook).url, secret=WEBHOOK_SECRET)
    rule = _rule(webhook, EventKind.BREAK)
    assert _turn(engine, rule) == 0
    hook.status = 200
    assert _turn(engine, rule, EVENING + timedelta(minutes=1)) == 1
    ids = {headers["webhook-id"] for headers, _ in hook.requests}
    assert len(hook.requests) == 2
    assert len(ids) == 1, "a repeat has the id of the first attempt"


def test_a_slow_receiver_is_given_up_after_the_time_limit(
    engine: Engine, database: str, hook: HookSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(database)
    monkeypatch.setattr(channels, "SEND_TIMEOUT_S", 0.2)
    hook.delay_s = 1.0
    assert _turn(engine, _rule(_chat(hook), EventKind.BREAK)) == 0
    with engine.connect() as connection:
        (status,) = outbox.status(connection)
    host = f"127.0.0.1:{hook.port} (env:CHAT)"
    assert status.last_error == f"{host} gave no answer within 0.2 s"


def test_a_channel_that_stays_down_is_given_up_loudly_and_sent_again_on_request(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database)
    rule = _rule(_server(free_port()), EventKind.BREAK)
    for attempt in range(ATTEMPTS_MAX + 2):
        _turn(engine, rule, EVENING + attempt * WAIT_MAX)
    with engine.begin() as connection:
        (status,) = outbox.status(connection)
        assert (status.sent, status.waiting, status.given_up) == (0, 0, 1)
        assert "cannot connect to the mail server 127.0.0.1:" in (status.last_error or "")
        assert "Connection refused; look at mail.host" in (status.last_error or "")
        assert outbox.send_again(connection, LATER) == 1
    mended = replace(rule, channel=_chat(hook))
    assert _turn(engine, mended, LATER) == 1


def test_a_digest_gathers_what_happened_in_between(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database)
    rule = replace(
        _rule(_chat(hook), EventKind.BREAK, EventKind.PARKED), every=timedelta(days=1)
    )
    assert _turn(engine, rule) == 1
    with engine.begin() as connection:
        park(connection, job="post.v1", subject="1", error=ValueError("x"))
    assert _turn(engine, rule, EVENING + timedelta(hours=23)) == 0
    assert _turn(engine, rule, LATER) == 1
    assert "1 of job post.v1 is set aside" in json.loads(hook.requests[1][1])["text"]


def test_an_overdue_break_a_closed_and_signed_day_and_its_changes_are_told(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database, at=LATER + timedelta(hours=1), close=DAY.start.date())
    with engine.begin() as connection:
        connection.execute(text(SIGNATURES))
    restate(database, "r2", 500, 425, at=LATER + timedelta(hours=2))
    kinds = (
        *(EventKind.OVERDUE, EventKind.DAY_READY, EventKind.DAY_SIGNED),
        EventKind.CHANGED_SINCE_SIGN_OFF,
    )
    assert _turn(engine, _rule(_chat(hook), *kinds), LATER + timedelta(days=9)) == 1
    message_text = json.loads(hook.requests[0][1])["text"]
    assert "is closed by" not in message_text  # nothing of it waits any more
    for part in (
        "is overdue since",
        "jonas signed the business day 2026-03-01",
        "Record r2 of a signed day changed",
    ):
        assert part in message_text


def test_a_silent_feed_is_told_once_for_each_silence(
    engine: Engine, database: str, hook: HookSink
) -> None:
    rule = _rule(_chat(hook), EventKind.FEED_MISSED)
    assert (_turn(engine, rule), _turn(engine, rule, LATER)) == (1, 0)
    assert "The feed push has brought nothing newer since" in hook.requests[0][1].decode()


def test_a_stale_feed_is_reported_beside_one_that_is_read(
    engine: Engine, hook: HookSink
) -> None:
    with engine.begin() as connection:
        connection.execute(text(PULLS), {"now": EVENING, "stale": EVENING - timedelta(hours=2)})
        feeds = feeds_of(connection, "two", EVENING, pushes=False)
        (health,) = [
            health
            for health in feed_health(connection, ["two"], stale_after={"two": HOUR})
            if health.history.provider == "two"
        ]
    rule = replace(_rule(_chat(hook), EventKind.FEED_MISSED), providers=("two",))
    circumstances = Circumstances(
        now=EVENING, sla=DEFAULT_RULES, stale_after={"two": HOUR}, exponents={}
    )

    assert notify(engine, [rule], circumstances, send) == 1
    message_text = hook.requests[0][1].decode()
    assert "The feed deliveries has brought nothing newer since" in message_text
    assert "The feed rounds" not in message_text
    assert feeds.is_stale(EVENING, HOUR)
    assert health.is_stale(EVENING)


def test_events_of_other_providers_crowd_out_none_of_a_rule(
    engine: Engine, hook: HookSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event, "EVENTS_MAX", 2)
    with engine.begin() as connection:
        connection.execute(text(CHANGES), {"now": EVENING})
    rule = _rule(_chat(hook), EventKind.CHANGED_SINCE_SIGN_OFF)

    assert _turn(engine, replace(rule, providers=("agg",))) == 1
    assert "Record ours of a signed day changed" in hook.requests[0][1].decode()


def test_a_message_of_a_rule_that_is_gone_is_kept(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database)
    hook.status = 500
    _turn(engine, _rule(_chat(hook), EventKind.BREAK))
    other = replace(_rule(_chat(hook), EventKind.PARKED), name="other")
    _turn(engine, other, LATER)
    with engine.connect() as connection:
        (status,) = outbox.status(connection)
        stored = connection.execute(text("SELECT count(*) FROM notifications")).scalar_one()
    assert "no rule of this name" in (status.last_error or "")
    assert stored == 1


def test_whatever_waits_for_a_second_person_is_told_once(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database)
    with engine.begin() as connection:
        connection.execute(text(WAITING))
        (break_id,) = connection.execute(
            text("SELECT break_id FROM breaks WHERE difference <> 0 ORDER BY 1 LIMIT 1")
        ).one()
    propose_write_off(engine, break_id, by="maria", reason="r", now=EVENING)
    rule = _rule(_chat(hook), EventKind.APPROVAL_WANTED)

    assert (_turn(engine, rule), _turn(engine, rule)) == (1, 0)
    message_text = json.loads(hook.requests[0][1])["text"]
    for part in (
        "maria proposes a deposit of 5000.00 USD; a second person decides",
        f"[dep-{'1' * 32}]",
        "maria proposes other limits of people; a second person decides",
        f"[limits {'a' * 12}]",
        "maria proposes a write-off of",
    ):
        assert part in message_text
    assert HOSTILE not in message_text


def test_people_are_told_of_unread_comments_that_name_them(
    engine: Engine, database: str, hook: HookSink
) -> None:
    run(database)
    with engine.begin() as connection:
        (break_id,) = connection.execute(text("SELECT min(break_id) FROM breaks")).one()
    note = Note(kind="comment", body=f"@jonas @maria {HOSTILE}")
    apply(engine, break_id, noting(note, by="maria", now=EVENING))
    rule = _rule(_chat(hook), EventKind.MENTIONED)
    of_maria = replace(rule, name="of-maria", people=("maria",))
    of_jonas = replace(rule, name="of-jonas", people=("jonas",))

    assert [_turn(engine, rule) for rule in (of_maria, of_jonas, of_jonas)] == [0, 1, 0]
    message_text = json.loads(hook.requests[0][1])["text"]
    assert f"maria names jonas in a comment. [{break_id}]" in message_text
    assert HOSTILE not in message_text
    with engine.begin() as connection:
        person_id = get_person(connection, "jonas").person_id
        mark_read(connection, break_id, person_id, now=LATER)
    assert _turn(engine, rule, LATER) == 0
