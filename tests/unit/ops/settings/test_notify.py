"""Rules of notifications are complete, or each problem is named."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.settings.loader import load
from ops.settings.notify_rules import rule_of_terms, rules_of_notify
from ops.settings.sections.notify import unset_secrets
from reports.notifications.channels import SendingFailed, send
from reports.notifications.outbox import trial_message
from reports.notifications.rules import EventKind, MailServer
from vocabulary.errors import Malformed, SettingsInvalid

PROVIDER = """
mode = "test"
[[providers]]
slug = "agg"
dialect = "sportsbook"
currency = "USD"
secrets = ["literal:secret"]
"""
MAIL = (
    'mail = { host = "mail.example.com", sender = "a@example.com",'
    ' recipients = ["b@example.com"] }'
)
RULE = '[[notify]]\nname = "finance"\nwhen = ["break"]\n'
ENVIRONMENT = {"HOOK": "http://hook.example.com/x", "KEY": "whsec_" + "MDEy" * 8}


def test_a_rule_is_read_with_its_channel_and_amounts(tmp_path: Path) -> None:
    (rule,) = rules_of_notify(
        load(_written(tmp_path, f'{RULE}over = {{ USD = "100.00" }}\n{MAIL}\n'), ENVIRONMENT)
    )
    assert rule.when == {EventKind.BREAK}
    assert rule.over == {"USD": 10_000}
    assert isinstance(rule.channel, MailServer)
    assert rule.channel.starttls
    assert not rule.players


def _written(tmp_path: Path, rules: str) -> Path:
    path = tmp_path / "tieout.toml"
    path.write_text(PROVIDER + rules, "utf-8")
    return path


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        (RULE, "exactly one of mail, webhook, chat"),
        (
            f"{RULE}{MAIL[:-2]}, attach_pack_mb = 5 }}",
            "players = true with mail.attach_pack_mb, because packs name them",
        ),
        (f'{RULE}{MAIL}\nchat = {{ url = "env:HOOK" }}', "exactly one of mail, webhook, chat"),
        (f'{RULE}{MAIL}\nproviders = ["other"]', "configured providers; other is none"),
        (f"{RULE}{MAIL}\n{RULE}{MAIL}", "finance is used again"),
        (f"{RULE}{MAIL}".replace("break", "brake"), "notify"),
        (f"{RULE}{MAIL}".replace("b@example", "b example"), "mail addresses"),
        (
            f"{RULE}{MAIL}".replace('sender = "', 'sender = "no '),
            "sender: expected a mail address",
        ),
        (
            f'{RULE}{MAIL}\nover = {{ EUR = "abc" }}',
            "over.EUR: expected a plain decimal amount",
        ),
        (
            f'{RULE}webhook = {{ url = "env:HOOK", secret = "env:HOOK" }}',
            "whsec_BASE64 of 24 to 64 bytes",
        ),
        (f'{RULE}chat = {{ url = "somewhere" }}', "env:NAME or file:PATH"),
    ],
)
def test_a_wrong_rule_is_named_with_what_is_expected(
    tmp_path: Path, rules: str, problem: str
) -> None:
    with pytest.raises(SettingsInvalid) as error:
        load(_written(tmp_path, rules), ENVIRONMENT)
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("channel", "problem"),
    [
        (
            'chat = { url = "env:GONE" }',
            "chat.url: expected the environment variable GONE to be set",
        ),
        (
            'webhook = { url = "env:HOOK", secret = "file:gone" }',
            "webhook.secret: expected the file gone to be readable",
        ),
        (
            f'{MAIL[:-2]}, user = "a", password = "env:EMPTY" }}',
            "mail.password: expected a secret that is not empty in env:EMPTY",
        ),
    ],
)
def test_a_secret_of_a_channel_that_is_not_there_stops_only_what_sends(
    tmp_path: Path, channel: str, problem: str
) -> None:
    environment = {**ENVIRONMENT, "EMPTY": " "}
    settings = load(_written(tmp_path, f"{RULE}{channel}\n"), environment)
    (rule,) = rules_of_notify(settings)
    (unset,) = unset_secrets(settings.notify)
    message = trial_message("finance", datetime(2026, 3, 1, tzinfo=UTC))

    with pytest.raises(SendingFailed, match="where messages are sent from"):
        send(message, rule.channel, message.created_at)
    assert unset.startswith(f"notify rule finance: {problem}")


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        ({"over": {"EUR": "abc"}}, "over.EUR: expected a plain decimal amount"),
        ({"name": "Night"}, "name: expected a letter, then letters, digits"),
        ({"every": "often"}, "every: expected a duration such as"),
        ({"when": []}, "when: expected at least one event"),
    ],
)
def test_a_rule_of_a_form_says_what_is_expected_of_each_field(
    terms: dict[str, object], problem: str
) -> None:
    rule = {"name": "night", "when": ["break"], "channel": "finance", **terms}

    with pytest.raises(Malformed, match=f"^{problem}"):
        rule_of_terms(rule, {}, exponents={})
