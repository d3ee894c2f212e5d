"""Mail about a signed day carries its workbook, within the limit of the rule."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import Engine, text

from breaks.policy import DEFAULT_RULES
from ops.scheduling.notify_jobs import workbook_of
from ops.settings.loader import load
from ops.settings.model import Settings
from reports.notifications.attachments import PACKS_MAX, with_packs
from reports.notifications.channels import send
from reports.notifications.event import Circumstances
from reports.notifications.message import Attachment
from reports.notifications.outbox import request_test, trial_message
from reports.notifications.rules import EventKind, MailServer, NotifyRule
from reports.notifications.turn import notify
from storage.engine import open_engine
from tests.harness.books.reports import DAY, EVENING, STEM, fill, run
from tests.harness.servers.message_sinks import MailSink, mail_sink
from tests.integration.reports.notifications.test_turn import SIGNATURES

#: A signed day of the only message.
_SIGNED_DAYS = text("""
INSERT INTO notification_events (rule, kind, event_key, provider, sentence, subject, taken_at,
                                 message_id)
SELECT 'finance', 'day_signed', :day, 'agg', 'signed', 'agg ' || :day, created_at, message_id
  FROM notifications
""")
LATER = EVENING + timedelta(days=1)
SETTINGS = """
mode = "test"
[[providers]]
slug = "{slug}"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:secret"]
"""


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """A signed day."""
    fill(database)
    run(database, at=LATER, close=DAY.start.date())
    engine = open_engine(database)
    with engine.begin() as connection:
        connection.execute(text(SIGNATURES))
    yield engine
    engine.dispose()


@pytest.fixture
def mail() -> Iterator[MailSink]:
    with mail_sink() as sink:
        yield sink


def rule_for(mail: MailSink, *, most: int) -> NotifyRule:
    server = MailServer(
        host="127.0.0.1",
        port=mail.port,
        starttls=False,
        user="",
        password=None,
        sender="tieout@example.com",
        recipients=("finance@example.com",),
        attach_bytes=most,
    )
    kinds = frozenset({EventKind.DAY_SIGNED})
    return NotifyRule(name="finance", when=kinds, channel=server, players=True)


def settings_of(folder: Path, slug: str = "agg") -> Settings:
    (folder / "tieout.toml").write_text(SETTINGS.format(slug=slug))
    return load(folder / "tieout.toml", {})


def tell(engine: Engine, database: str, settings: Settings, rule: NotifyRule) -> int:
    circumstances = Circumstances(now=LATER, sla=DEFAULT_RULES, stale_after={}, exponents={})
    return notify(engine, [rule], circumstances, send, partial(workbook_of, database, settings))


def test_the_workbook_of_a_signed_day_is_attached(
    engine: Engine, database: str, mail: MailSink, tmp_path: Path
) -> None:
    assert tell(engine, database, settings_of(tmp_path), rule_for(mail, most=5_000_000)) == 1

    body, workbook = list(mail.mails[0].walk())[1:]
    assert "jonas signed the business day 2026-03-01" in str(body.get_payload())
    assert workbook.get_filename() == f"{STEM}.xlsx"
    content = workbook.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames


@pytest.mark.parametrize(
    ("slug", "most", "reason"),
    [
        ("agg", 1_000, "the pack of 2026-03-01 is too large for mail"),
        ("other", 5_000_000, "no provider is called agg any more"),
    ],
)
def test_what_cannot_be_attached_is_a_line_with_the_command(
    engine: Engine,
    database: str,
    mail: MailSink,
    tmp_path: Path,
    slug: str,
    most: int,
    reason: str,
) -> None:
    settings = settings_of(tmp_path, slug)

    assert tell(engine, database, settings, rule_for(mail, most=most)) == 1
    content = mail.mails[0].get_payload(decode=True)
    assert isinstance(content, bytes)
    body = content.decode()
    assert reason in body
    assert "tieout report --provider agg --day 2026-03-01" in body


def test_a_rule_that_may_not_name_players_carries_no_pack(
    engine: Engine, database: str, mail: MailSink, tmp_path: Path
) -> None:
    rule = replace(rule_for(mail, most=5_000_000), players=False)

    assert tell(engine, database, settings_of(tmp_path), rule) == 1
    assert not mail.mails[0].is_multipart()


def test_of_a_message_about_many_days_only_the_first_packs_are_made(engine: Engine) -> None:
    days = [DAY.start.date() + timedelta(days=number) for number in range(PACKS_MAX + 2)]
    message = trial_message("finance", LATER)
    server = MailServer(
        host="127.0.0.1",
        port=1,
        starttls=False,
        user="",
        password=None,
        sender="tieout@example.com",
        recipients=("finance@example.com",),
        attach_bytes=1_000,
    )
    kinds = frozenset({EventKind.DAY_SIGNED})
    rule = NotifyRule(name="finance", when=kinds, channel=server, players=True)
    with engine.begin() as connection:
        request_test(connection, "finance", by="maria", now=LATER)
        connection.execute(_SIGNED_DAYS, [{"day": str(day)} for day in days])
        (name,) = connection.execute(text("SELECT message_id FROM notifications")).scalars()
        message = replace(message, message_id=name)
        packed = with_packs(
            connection,
            message,
            rule,
            lambda slug, day: Attachment(name=f"{slug}-{day}", content=b"x"),
        )

    assert len(packed.attachments) == PACKS_MAX
    assert packed.lines[-1] == "the packs of 2 further days are not attached"
