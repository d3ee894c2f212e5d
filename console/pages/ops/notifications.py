"""Rules of notifications: which are in force, what they sent, and a message to try one."""

from dataclasses import dataclass
from http import HTTPStatus

from console.acting import writers_for
from console.config import Visit
from console.replies import HtmlPage, RequestRefused, SeeOther, not_found
from reports.notifications import outbox
from reports.notifications.outbox import RuleStatus, StoredMessage
from reports.notifications.rules import Channel, ChatHook, EventKind, MailServer, NotifyRule
from storage.transactions import transaction
from vocabulary.errors import Malformed
from vocabulary.people import Right
from vocabulary.plurals import counted, plural

#: Messages shown of each rule.
MESSAGES = 5
CHANNELS = ("mail", "webhook", "chat")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """A rule with how its messages fared; ``rule`` is None if the settings have it no more."""

    name: str
    rule: NotifyRule | None
    target: str
    status: RuleStatus | None
    messages: list[StoredMessage]


def show(visit: Visit) -> HtmlPage:
    """Every rule of the settings, and every other that ever wrote a message."""
    rules = {rule.name: rule for rule in visit.config.notify_rules}
    with visit.console.readers.connect() as connection:
        statuses = {status.rule: status for status in outbox.status(connection)}
        views = [
            RuleView(
                name=name,
                rule=rules.get(name),
                target=target_of(rules[name].channel) if name in rules else "",
                status=statuses.get(name),
                messages=outbox.recent_messages(connection, name, MESSAGES),
            )
            for name in [*rules, *sorted(statuses.keys() - rules.keys())]
        ]
    values = {
        "sentence": _sentence(views),
        "views": views,
        "may_try": visit.signed_in.person.may(Right.RUN_QUEUES),
        "kinds": list(EventKind),
        "channels": CHANNELS,
        "providers": [term.slug for term in visit.config.providers],
    }
    return HtmlPage(template="ops/notifications.html", values=values)


def try_rule(visit: Visit) -> SeeOther:
    """Store a message that tries a rule; the scheduler sends it."""
    name = visit.path["rule"]
    if name not in {rule.name for rule in visit.config.notify_rules}:
        raise not_found("rule", name)
    person = visit.signed_in.person
    with transaction(writers_for(visit.console, person), "notification") as connection:
        is_stored = outbox.request_test(connection, name, by=person.name, now=visit.now)
    if not is_stored:
        raise RequestRefused(
            status=HTTPStatus.CONFLICT,
            title="A message is on its way",
            why=f"A message that tries the rule {name} waits to be sent, so none was added.",
        )
    return SeeOther(path=f"/settings/notifications?done=tried#{name}")


def draft(visit: Visit) -> HtmlPage:
    """The settings of a rule, as text to put into the settings file."""
    fields = {name: text.strip() for name, text in visit.query.items() if text.strip()}
    text, problem = "", ""
    try:
        text = visit.config.notify_text(fields)
    except Malformed as error:
        problem = str(error)
    values = {"text": text, "problem": problem, "fields": fields}
    return HtmlPage(template="ops/notification_draft.html", values=values)


def target_of(channel: Channel) -> str:
    """Where messages go; a URL is a secret, so its reference is shown."""
    match channel:
        case MailServer():
            return f"mail to {', '.join(channel.recipients)} by {channel.host}:{channel.port}"
        case ChatHook():
            return f"chat, {channel.url.reference}"
        case _:
            return f"webhook, {channel.url.reference}"


def _sentence(views: list[RuleView]) -> str:
    given_up = sum(view.status.given_up for view in views if view.status is not None)
    if given_up:
        return (
            f"{counted(given_up, 'message was', 'messages were')} given up: mend the channel,"
            f" then send {plural(given_up, 'it', 'them')} again."
        )
    rules = sum(view.rule is not None for view in views)
    if not rules:
        return "No rule is in force: nobody is told of anything."
    return f"{'One rule is' if rules == 1 else f'{rules} rules are'} in force."
