"""What a channel says that cannot be used: where, and what to look at; no secrets."""

from datetime import UTC, datetime

import pytest

from reports.notifications.channels import SendingFailed, send
from reports.notifications.outbox import trial_message
from reports.notifications.rules import ChatHook
from vocabulary.secrets import Secret

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (b"s3cret", "env:CHAT holds no URL such as https://"),
        (b"ftp://chat.example.com/s3cret", "env:CHAT holds no URL such as https://"),
        (b"http://127.0.0.1:1/s3cret", "cannot connect to 127.0.0.1:1 (env:CHAT): Connection"),
    ],
)
def test_a_url_that_cannot_be_used_is_named_by_its_reference(url: bytes, why: str) -> None:
    channel = ChatHook(url=Secret(reference="env:CHAT", value=url))

    with pytest.raises(SendingFailed) as failure:
        send(trial_message("finance", NOW), channel, NOW)
    assert str(failure.value).startswith(why)
    assert "s3cret" not in str(failure.value)
