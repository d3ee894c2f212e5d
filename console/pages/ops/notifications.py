"""Rules of notifications: which are in force, what they sent, and a message to try one."""

from dataclasses import dataclass
from http import HTTPStatus

from sqlalchemy import Connection

from console.acting import writers_for
from console.config import ConsoleConfig, Visit
from console.replies import HtmlPage, RequestRefused, SeeOther, not_found
from reports.notifications import outbox
from reports.notifications.listed_rules import ListedRule, listed_rules
from reports.notifications.outbox import RuleStatus, StoredMessage
from reports.notifications.rule_form import parts_of_text
from reports.notifications.rules import EventKind, MailServer, NotifyRule, sent_to, target_of
from reports.notifications.stored_rules import StoredRule, stored_rules
from storage.transactions import transaction
from vocabulary.errors import Malformed
from vocabulary.people import Right
from vocabulary.plurals import counted, plural

#: Messages shown of each rule.
MESSAGES = 5
CHANNELS = ("mail", "webhook", "chat")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """A rule with how its messages fared; ``listed`` is None if nobody has it any more."""

    name: str
    listed: ListedRule | None
    status: RuleStatus | None
    messages: list[StoredMessage]

    @property
    def rule(self) -> NotifyRule | None:
        """What it says; None: it says nothing that could be in force."""
        return None if self.listed is None else self.listed.rule

    @property
    def stored(self) -> StoredRule | None:
        """Its row; None: it is not of the database."""
        return None if self.listed is None else self.listed.stored

    @property
    def target(self) -> str:
        """Where its messages go."""
        return "" if self.rule is None else target_of(self.rule.channel)

    @property
    def takes_recipients(self) -> bool:
        """Whether a message that tries it may go to another address."""
        return self.rule is not None and isinstance(self.rule.channel, MailServer)


def show(visit: Visit) -> HtmlPage:
    """Every rule of the settings and of the database, and every other that wrote a message."""
    with visit.console.readers.connect() as connection:
        views = _views(connection, visit.config)
    person = visit.signed_in.person
    values = {
        "sentence": _sentence(views),
        "views": views,
        "may_try": person.may(Right.RUN_QUEUES),
        "may_set": person.may(Right.SET_NOTIFICATIONS),
        "channels": [rule.name for rule in visit.config.notify_rules],
    }
    return HtmlPage(template="ops/notifications.html", values=values)


def try_rule(visit: Visit) -> SeeOther:
    """Store a message that tries a rule; the scheduler sends it."""
    name, person = visit.path["rule"], visit.signed_in.person
    with transaction(writers_for(visit.console, person), "notification") as connection:
        rule = rule_named(connection, visit.config, name).rule
        if rule is None:
            raise not_found("rule", name)
        recipients = parts_of_text(visit.form.get("to", ""))
        sent_to(rule.channel, recipients)
        is_stored = outbox.request_test(
            connection, name, by=person.name, now=visit.now, recipients=recipients
        )
    if not is_stored:
        raise RequestRefused(
            status=HTTPStatus.CONFLICT,
            title="A message is on its way",
            why=f"A message that tries the rule {name} waits to be sent, so none was added.",
        )
    return SeeOther(path=f"/settings/notifications?done=tried#{name}")


def rule_named(connection: Connection, config: ConsoleConfig, name: str) -> ListedRule:
    """The rule of this name that counts.

    Raises:
        RequestRefused: there is none.
    """
    for listed in every_rule(connection, config):
        if listed.name == name:
            return listed
    raise not_found("rule", name)


def every_rule(connection: Connection, config: ConsoleConfig) -> list[ListedRule]:
    """The rules of the settings, then those of the database."""
    return listed_rules(config.notify_rules, stored_rules(connection), config.read_rule)


def draft(visit: Visit) -> HtmlPage:
    """The settings of a rule as text for the settings file; without fields, the form."""
    if not visit.query:
        values = {
            "kinds": list(EventKind),
            "channels": CHANNELS,
            "providers": [term.slug for term in visit.config.providers],
        }
        return HtmlPage(template="ops/notification_form.html", values=values)
    fields = {name: text.strip() for name, text in visit.query.items() if text.strip()}
    text, problem = "", ""
    try:
        text = visit.config.notify_text(fields)
    except Malformed as error:
        problem = str(error)
    drafted = {"text": text, "problem": problem, "fields": fields}
    return HtmlPage(template="ops/notification_draft.html", values=drafted)


def _views(connection: Connection, config: ConsoleConfig) -> list[RuleView]:
    listed = every_rule(connection, config)
    statuses = {status.rule: status for status in outbox.status(connection)}
    gone = sorted(statuses.keys() - {entry.name for entry in listed})
    return [
        RuleView(
            name=name,
            listed=entry,
            status=statuses.get(name),
            messages=outbox.recent_messages(connection, name, MESSAGES),
        )
        for name, entry in [
            *((entry.name, entry) for entry in listed),
            *((name, None) for name in gone),
        ]
    ]


def _sentence(views: list[RuleView]) -> str:
    given_up = sum(view.status.given_up for view in views if view.status is not None)
    if given_up:
        return (
            f"{counted(given_up, 'message was', 'messages were')} given up: mend the channel,"
            f" then send {plural(given_up, 'it', 'them')} again."
        )
    rules = sum(view.listed is not None and view.listed.is_in_force for view in views)
    if not rules:
        return "No rule is in force: nobody is told of anything."
    return f"{'One rule is' if rules == 1 else f'{rules} rules are'} in force."
