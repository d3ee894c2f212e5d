"""Rules of notifications: which there are, a message that tries one, and those kept here."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel

from console.api.endpoint import Create, Endpoint, Read, Write
from console.api.models.ops import (
    RuleBody,
    RuleJson,
    RuleListJson,
    RuleReasonBody,
    RuleTermsBody,
    TryBody,
)
from console.config import Visit
from console.pages.ops import notification_rules, notifications
from console.pages.ops.notifications import RuleView
from console.replies import not_found
from vocabulary.people import Right

_TAG = "ops"
_PATH = "/settings/notifications"


def list_rules(visit: Visit) -> RuleListJson:
    """Every rule."""
    return RuleListJson(items=tuple(map(_rule_json, _views(visit))))


def show_rule(visit: Visit) -> RuleJson:
    """One rule."""
    name = visit.path["rule"]
    for view in _views(visit):
        if view.name == name:
            return _rule_json(view)
    raise not_found("rule", name)


def add_rule(body: RuleBody, visit: Visit) -> RuleJson:
    """Add a rule to the database."""
    form = {**_terms_form(body), "name": body.name}
    notification_rules.add(replace(visit, form=form))
    return show_rule(replace(visit, path={"rule": body.name}))


def try_rule(body: TryBody, visit: Visit) -> RuleListJson:
    """Store a message that tries a rule."""
    notifications.try_rule(replace(visit, form={"to": ", ".join(body.to)}))
    return list_rules(visit)


def _views(visit: Visit) -> list[RuleView]:
    views: list[RuleView] = notifications.show(visit).values["views"]
    return views


def _rule_json(view: RuleView) -> RuleJson:
    listed, rule, stored = view.listed, view.rule, view.stored
    return RuleJson(
        name=view.name,
        in_force=listed is not None and listed.is_in_force,
        target=view.target,
        waiting=0 if view.status is None else view.status.waiting,
        given_up=0 if view.status is None else view.status.given_up,
        source=None if listed is None else listed.source,
        disabled=listed is not None and listed.is_disabled,
        problem=None if listed is None else listed.problem or None,
        when=() if rule is None else tuple(sorted(rule.when)),
        providers=() if rule is None else rule.providers,
        people=() if rule is None else rule.people,
        players=rule is not None and rule.players,
        terms=None if stored is None else dict(stored.terms),
        changed_by=None if stored is None else stored.changed_by,
        changed_at=None if stored is None else stored.changed_at,
        version="" if stored is None else str(stored.version),
    )


def _terms_form(body: BaseModel) -> Mapping[str, str]:
    """The terms as the form of the page has them."""
    assert isinstance(body, RuleTermsBody)
    listed = {
        "recipients": body.recipients,
        "providers": body.providers,
        "people": body.people,
        "over": [f"{amount} {currency}" for currency, amount in body.over.items()],
    }
    return {
        "channel": body.channel,
        **{name: ", ".join(texts) for name, texts in listed.items()},
        **{f"when_{kind}": "1" for kind in body.when},
        "overdue_within": body.overdue_within or "",
        "every": body.every or "",
        "players": "1" if body.players else "",
    }


_RULE = Read(
    path=f"{_PATH}/{{rule}}",
    summary="One rule of notifications",
    tag=_TAG,
    right=Right.READ,
    show=show_rule,
    answer=RuleJson,
)
ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path=_PATH,
        summary="The rules of notifications, and how their messages fared",
        tag=_TAG,
        right=Right.READ,
        show=list_rules,
        answer=RuleListJson,
    ),
    Create(
        path=_PATH,
        summary="Add a rule to the database; it is in force at once",
        tag=_TAG,
        right=Right.SET_NOTIFICATIONS,
        act=add_rule,
        body=RuleBody,
        answer=RuleJson,
    ),
    _RULE,
    Write(
        path=f"{_PATH}/{{rule}}/change",
        summary="Give a rule of the database other terms",
        tag=_TAG,
        right=Right.SET_NOTIFICATIONS,
        act=notification_rules.change,
        body=RuleTermsBody,
        of=_RULE,
        form=_terms_form,
    ),
    *(
        Write(
            path=f"{_PATH}/{{rule}}/{action}",
            summary=summary,
            tag=_TAG,
            right=Right.SET_NOTIFICATIONS,
            act=act,
            body=RuleReasonBody,
            of=_RULE,
        )
        for action, summary, act in (
            ("disable", "Let a rule of the database rest", notification_rules.disable),
            ("enable", "Put a rule of the database in force again", notification_rules.enable),
        )
    ),
    Create(
        path=f"{_PATH}/{{rule}}/try",
        summary="Send one message that tries a rule",
        tag=_TAG,
        right=Right.RUN_QUEUES,
        act=try_rule,
        body=TryBody,
        answer=RuleListJson,
    ),
)
