"""Rules of notifications that people keep here: added, changed, disabled and enabled."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from console.acting import writers_for
from console.config import Visit
from console.pages.ops.notifications import every_rule
from console.pages.ops.queues import decision_of
from console.pages.parameters import read_position
from console.pages.stale_forms import stale_form
from console.replies import HtmlPage, RequestRefused, SeeOther, not_found
from reports.notifications.rule_form import parts_of_text, rule_keys
from reports.notifications.rules import EventKind, MailServer, target_of
from reports.notifications.stored_rules import (
    StoredRule,
    add_rule,
    amounts_text,
    change_rule,
    stored_rules,
    switch_rule,
)
from storage.people import people_in
from storage.transactions import transaction
from vocabulary.errors import Malformed, NotAllowed

_PATH = "/settings/notifications"


def show_new(visit: Visit) -> HtmlPage:
    """The form of a new rule."""
    return _form(visit, None)


def show(visit: Visit) -> HtmlPage:
    """The form that changes a rule of the database."""
    with visit.console.readers.connect() as connection:
        return _form(visit, stored_named(connection, visit.path["rule"]))


def add(visit: Visit) -> SeeOther:
    """Add a rule; it is in force at once."""
    person = visit.signed_in.person
    with transaction(writers_for(visit.console, person), "notification rule") as connection:
        terms = _checked_terms(connection, visit, visit.form)
        name = terms.pop("name")
        listed = {entry.name: entry.stored for entry in every_rule(connection, visit.config)}
        if name in listed:
            if not _is_repeat(listed[name], terms, person.name):
                raise NotAllowed(f"There is a rule {name} already: choose another name.")
        elif not add_rule(connection, name, terms, by=person.name, now=visit.now):
            raise NotAllowed(f"Somebody has just added a rule {name}: look at it first.")
    return SeeOther(path=f"{_PATH}?done=rule-added#{name}")


def change(visit: Visit) -> SeeOther:
    """Give a rule other terms, from the next message on."""
    person, name = visit.signed_in.person, visit.path["rule"]
    with transaction(writers_for(visit.console, person), "notification rule") as connection:
        stored_named(connection, name)
        terms = _checked_terms(connection, visit, {**visit.form, "name": name})
        del terms["name"]
        version = _version_of(visit)
        if not change_rule(
            connection, name, terms, version=version, by=person.name, now=visit.now
        ):
            raise _stale(visit, stored_named(connection, name))
    return SeeOther(path=f"{_PATH}?done=rule-changed#{name}")


def disable(visit: Visit) -> SeeOther:
    """Let a rule rest."""
    return _switch(visit, disabled=True)


def enable(visit: Visit) -> SeeOther:
    """Put a rule in force again."""
    return _switch(visit, disabled=False)


def stored_named(connection: Connection, name: str) -> StoredRule:
    """A rule of the database.

    Raises:
        RequestRefused: it has none of this name.
    """
    for rule in stored_rules(connection):
        if rule.name == name:
            return rule
    raise not_found("rule that is kept here", name)


def _is_repeat(rule: StoredRule | None, terms: Mapping[str, Any], by: str) -> bool:
    """Whether the same form made this rule, and nobody has changed it since."""
    return rule is not None and (rule.version, rule.changed_by, rule.terms) == (1, by, terms)


def _switch(visit: Visit, *, disabled: bool) -> SeeOther:
    person, name = visit.signed_in.person, visit.path["rule"]
    with transaction(writers_for(visit.console, person), "notification rule") as connection:
        stored_named(connection, name)
        if not switch_rule(
            connection,
            name,
            disabled=disabled,
            version=_version_of(visit),
            by=person.name,
            now=visit.now,
            reason=decision_of(visit).reason,
        ):
            raise _stale(visit, stored_named(connection, name))
    done = "rule-disabled" if disabled else "rule-enabled"
    return SeeOther(path=f"{_PATH}?done={done}#{name}")


def _checked_terms(
    connection: Connection, visit: Visit, form: Mapping[str, str]
) -> dict[str, Any]:
    """The terms of a form, with its name, as far as they make a rule.

    Raises:
        Malformed: they make none, or name a provider or a person whom nobody knows.
    """
    fields = {name: text.strip() for name, text in form.items() if text.strip()}
    terms = rule_keys(fields) | {"channel": fields.get("channel", "")}
    if recipients := parts_of_text(fields.get("recipients", "")):
        terms["recipients"] = recipients
    visit.config.read_rule(terms, {rule.name: rule for rule in visit.config.notify_rules})
    _check_known("providers", terms, {term.slug for term in visit.config.providers})
    _check_known("people", terms, {person.name for person in people_in(connection)})
    return terms


def _check_known(key: str, terms: Mapping[str, Any], known: set[str]) -> None:
    for name in terms.get(key, ()):
        if name not in known:
            expected = ", ".join(sorted(known)) or "none"
            raise Malformed(key, f"there is no {name}; there are: {expected}")


def _version_of(visit: Visit) -> int:
    version = read_position("version", visit.form.get("version"))
    if version is None:
        raise Malformed("version", "the version of the rule that you saw is expected")
    return version


def _stale(visit: Visit, rule: StoredRule) -> RequestRefused:
    return stale_form(
        visit,
        subject="The rule",
        what=f"rule {rule.name}",
        back=f"{_PATH}/{rule.name}/change",
        now_is=rule.summary,
    )


def _form(visit: Visit, rule: StoredRule | None) -> HtmlPage:
    terms: Mapping[str, Any] = {} if rule is None else rule.terms
    mail = any(isinstance(entry.channel, MailServer) for entry in visit.config.notify_rules)
    values = {
        "rule": rule,
        "terms": terms,
        "seen": "" if rule is None else rule.summary,
        "over": amounts_text(terms.get("over", {})),
        "kinds": list(EventKind),
        "channels": [
            (entry.name, target_of(entry.channel)) for entry in visit.config.notify_rules
        ],
        "has_mail": mail,
        "providers": [term.slug for term in visit.config.providers],
    }
    return HtmlPage(template="ops/notification_rule.html", values=values)
