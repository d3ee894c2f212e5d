"""Rules of notifications in the console: those of the settings, and those that it keeps."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ops.settings.notify_text import notify_text
from reports.notifications.rules import ChatHook, EventKind, MailServer, NotifyRule
from tests.harness.books.console import ConsoleBooks
from tests.harness.servers.api import ApiClient, json_of, token_for
from tests.harness.servers.console import ConsoleSite, PageClient, serving
from vocabulary.secrets import Secret

RULE = NotifyRule(
    name="night",
    when=frozenset({EventKind.PARKED}),
    channel=ChatHook(
        url=Secret(reference="env:CHAT_URL", value=b"https://chat.example/s3cret")
    ),
)
MAIL_RULE = NotifyRule(
    name="post",
    when=frozenset(),
    channel=MailServer(
        host="mail.example.com",
        port=587,
        starttls=True,
        user="",
        password=None,
        sender="tieout@example.com",
        recipients=("finance@example.com",),
    ),
)
NOTIFICATIONS = "/settings/notifications"


@pytest.fixture(scope="module")
def ops_site(site: ConsoleSite) -> Iterator[ConsoleSite]:
    """The console with two channels of notifications."""
    config = replace(site.console.config, notify_rules=(RULE, MAIL_RULE))
    with serving(replace(site.console, config=config)) as running:
        yield running


@pytest.fixture(scope="module")
def operator(ops_site: ConsoleSite) -> PageClient:
    """Somebody who may decide about queues."""
    return ops_site.browser_of("only ops")


def test_a_rule_is_tried_by_one_message_that_the_scheduler_sends(
    operator: PageClient, console_books: ConsoleBooks
) -> None:
    page = operator.get("/settings/notifications")
    address = "/settings/notifications/night/try"
    requested = operator.submit("/settings/notifications", address)
    again = operator.submit("/settings/notifications", address)
    unknown = operator.submit("/settings/notifications", "/settings/notifications/day/try")
    after = operator.get("/settings/notifications")

    assert "env:CHAT_URL" in page.shown()
    assert "s3cret" not in page.text
    assert requested.location == "/settings/notifications?done=tried#night"
    assert again.status == 409
    assert unknown.status == 404
    assert "asked for by only ops" in after.shown()
    rows = console_books.rows("SELECT rule, requested_by, sent_at FROM notifications")
    assert rows == [("night", "only ops", None)]


def test_a_rule_is_written_as_settings_text_that_the_settings_take(
    operator: PageClient,
) -> None:
    query = "name=night&when_parked=1&channel=chat&url=env:CHAT_URL&every=1d"
    page = operator.get(f"/settings/notifications/draft?{query}")
    refused = operator.get("/settings/notifications/draft?name=N&when_parked=1&channel=mail")
    secret = operator.get(
        "/settings/notifications/draft?name=n&when_parked=1&channel=chat&url=https://x"
    )

    assert '[[notify]] name = "night" when = ["parked"] every = "1d"' in page.shown()
    assert "This is no rule yet." in refused.shown()
    assert "a reference such as env:NAME" in secret.shown()
    assert notify_text({"name": "a", "when_break": "1", "channel": "chat", "url": "env:X"})


def test_a_rule_is_added_changed_and_disabled_here_without_its_secrets(
    operator: PageClient, console_books: ConsoleBooks
) -> None:
    form = {"name": "own", "when_parked": "1", "channel": "post", "players": ""}
    new = f"{NOTIFICATIONS}/new"
    wrong = [
        operator.submit(new, NOTIFICATIONS, **{**form, **fields})
        for fields in (
            {"recipients": "me@elsewhere.com"},
            {"channel": "none"},
            {"players": "1"},
            {"people": "nobody"},
            {"providers": "nowhere"},
            *({"over": "100"}, {"over": "100 EUR, 50 EUR"}),
            {"every": "often"},
            {"name": "Own"},
        )
    ]
    added = [
        operator.submit(new, NOTIFICATIONS, **form, recipients="me@example.com")
        for _ in range(2)
    ]
    taken = operator.submit(new, NOTIFICATIONS, **{**form, "name": "night"})
    page = f"{NOTIFICATIONS}/own/change"
    opened = operator.get(page)
    fields = {name: opened.field(name) for name in ("form_token", "version", "seen")}
    fields |= {**form, "when_day_ready": "1", "every": "1d", "over": "100.00 EUR"}
    changed = operator.post(page, fields)
    stale = operator.post(page, fields)
    disabled = operator.submit(page, f"{NOTIFICATIONS}/own/disable", reason="holidays")
    listed = operator.get(NOTIFICATIONS)

    assert [reply.status for reply in wrong] == [400] * len(wrong)
    assert "addresses at example.com are expected" in wrong[0].shown()
    assert [reply.location for reply in added] == [f"{NOTIFICATIONS}?done=rule-added#own"] * 2
    assert taken.status == 422
    assert changed.location == f"{NOTIFICATIONS}?done=rule-changed#own"
    assert stale.status == 409
    assert "recipients: me@example.com; when: parked; enabled by only ops" in stale.shown()
    assert "over: 100.00 EUR; when: day_ready, parked; enabled by" in stale.shown()
    assert disabled.location == f"{NOTIFICATIONS}?done=rule-disabled#own"
    assert "own kept here disabled" in listed.shown()
    assert console_books.rows(
        "SELECT action, actor, detail ->> 'why' FROM audit"
        " WHERE subject = 'notification rule own' ORDER BY audit_id"
    ) == [
        ("notification_rule.added", "only ops", None),
        ("notification_rule.changed", "only ops", None),
        ("notification_rule.disabled", "only ops", "holidays"),
    ]


def test_a_rule_of_mail_is_tried_with_ones_own_address(
    operator: PageClient, console_books: ConsoleBooks
) -> None:
    address = f"{NOTIFICATIONS}/post/try"
    elsewhere = operator.submit(NOTIFICATIONS, address, to="me@elsewhere.com")
    operator.submit(NOTIFICATIONS, address, to="me@example.com")

    assert elsewhere.status == 400
    assert "asked for by only ops, to me@example.com" in operator.get(NOTIFICATIONS).shown()
    assert console_books.rows("SELECT recipients FROM notifications WHERE rule = 'post'") == [
        (["me@example.com"],)
    ]


def test_rules_are_kept_by_the_api_at_the_version_that_was_seen(
    ops_site: ConsoleSite,
) -> None:
    client = ApiClient(ops_site.port, token_for(ops_site, "only ops"))
    terms = {"channel": "post", "when": ["break"], "over": {"EUR": "5"}}
    made = json_of(client.act(NOTIFICATIONS, {**terms, "name": "api"}))
    path = f"{NOTIFICATIONS}/api"
    unversioned = client.act(f"{path}/change", terms)
    changed = json_of(
        client.act(f"{path}/change", {**terms, "recipients": ["a@example.com"]}, of=path)
    )
    rests = json_of(client.act(f"{path}/disable", {"reason": "a test"}, of=path))
    enabled = json_of(client.act(f"{path}/enable", {"reason": "a test"}, of=path))
    listed = json_of(client.get(NOTIFICATIONS))["items"]

    assert (made["source"], made["in_force"], made["version"]) == ("console", True, "1")
    assert made["terms"] == terms
    assert unversioned.status == 428
    assert client.act(f"{NOTIFICATIONS}/none/try").status == 404
    assert changed["target"] == "mail to a@example.com by mail.example.com:587"
    assert (rests["disabled"], rests["in_force"], enabled["in_force"]) == (True, False, True)
    assert [(rule["name"], rule["source"]) for rule in listed[:2]] == [
        ("night", "settings"),
        ("post", "settings"),
    ]
