"""A message names its events and nothing can be smuggled through it; a webhook is signed."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from reports.notifications.event import Event
from reports.notifications.message import (
    EVENTS_SHOWN_MAX,
    chat_of,
    compose,
    mail_of,
    signing_key,
    webhook_of,
)
from reports.notifications.rules import EventKind, MailServer
from vocabulary.errors import Refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))
SECRET = b"whsec_" + base64.b64encode(KEY)
SERVER = MailServer(
    host="127.0.0.1",
    port=25,
    starttls=False,
    user="",
    password=None,
    sender="tieout@example.com",
    recipients=("finance@example.com", "ops@example.com"),
)


def _event(number: int = 1, sentence: str = "Payout mismatch of 3.00 USD.") -> Event:
    return Event(
        kind=EventKind.BREAK,
        key=f"brk-{number}/0",
        provider="agg",
        sentence=sentence,
        subject=f"brk-{number}",
    )


def test_each_event_is_a_line_with_its_provider_and_its_id() -> None:
    message = compose("msg-1", "finance", [_event()], NOW)
    assert message.title == "Tieout: 1 event (break)"
    assert message.lines == ("agg: Payout mismatch of 3.00 USD. [brk-1]",)


def test_many_events_are_counted_after_the_first() -> None:
    message = compose("msg-1", "finance", [_event(n) for n in range(EVENTS_SHOWN_MAX + 5)], NOW)
    assert len(message.lines) == EVENTS_SHOWN_MAX + 1
    assert message.lines[-1] == "and 5 more"
    assert message.events == EVENTS_SHOWN_MAX + 5


def test_mail_goes_to_all_recipients_under_the_id_of_the_message() -> None:
    mail = mail_of(compose("msg-1", "finance", [_event()], NOW), SERVER)
    assert mail["To"] == "finance@example.com, ops@example.com"
    assert mail["Message-ID"] == "<msg-1@example.com>"
    assert "Payout mismatch of 3.00 USD" in mail.get_content()


def test_line_breaks_of_a_provider_stay_on_their_line_of_the_mail() -> None:
    hostile = _event(sentence="Round r1\r\nBcc: thief@example.com\x1b[31m.")
    content = mail_of(compose("msg-1", "finance", [hostile], NOW), SERVER).get_content()
    assert "Round r1  Bcc: thief@example.com [31m." in content
    assert not any(line.startswith("Bcc") for line in content.splitlines())


def test_a_webhook_is_signed_over_id_timestamp_and_body() -> None:
    sent_at = datetime(2026, 3, 1, 13, tzinfo=UTC)
    body, headers = webhook_of(compose("msg-1", "finance", [_event()], NOW), SECRET, sent_at)
    signed = f"msg-1.{int(sent_at.timestamp())}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == "msg-1"
    assert json.loads(body)["data"]["lines"] == ["agg: Payout mismatch of 3.00 USD. [brk-1]"]


@pytest.mark.parametrize(
    "secret", [b"", b"secret", b"whsec_", b"whsec_c2hvcnQ=", b"whsec_\xff"]
)
def test_a_secret_of_another_form_is_refused(secret: bytes) -> None:
    with pytest.raises(Refused, match="whsec_BASE64"):
        signing_key(secret)


def test_a_chat_shows_markup_of_a_provider_as_text() -> None:
    message = compose("msg-1", "finance", [_event(sentence="Round <!channel>&.")], NOW)
    assert "Round &lt;!channel&gt;&amp;." in json.loads(chat_of(message))["text"]
