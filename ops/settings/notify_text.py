"""A rule of notifications as text for the settings file, from the fields of a form."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ops.settings.notify_rules import first_problem
from ops.settings.sections.notify import NotifySettings
from reports.notifications.rule_form import parts_of_text, rule_keys
from vocabulary.errors import Malformed

_REFERENCES = ("env:", "file:")


def notify_text(fields: Mapping[str, str]) -> str:
    """The section ``[[notify]]`` of a rule.

    Args:
        fields: those of ``rule_keys``, ``channel`` and what that needs.

    Raises:
        Malformed: the settings would refuse it; says why.
    """
    rule = _rule(fields)
    try:
        NotifySettings.model_validate(_checkable(rule))
    except ValidationError as error:
        raise first_problem(error) from None
    lines = [f"{key} = {_toml(value)}" for key, value in rule.items()]
    return "\n".join(["[[notify]]", *lines]) + "\n"


def _rule(fields: Mapping[str, str]) -> dict[str, Any]:
    rule = rule_keys(fields)
    channel = fields.get("channel", "")
    match channel:
        case "mail":
            rule["mail"] = {
                "host": fields.get("host", ""),
                "sender": fields.get("sender", ""),
                "recipients": parts_of_text(fields.get("recipients", "")),
            }
        case "webhook":
            rule["webhook"] = {name: _reference(fields, name) for name in ("url", "secret")}
        case _:
            rule["chat"] = {"url": _reference(fields, "url")}
    return rule


def _reference(fields: Mapping[str, str], name: str) -> str:
    """A reference to a secret; the secret itself does not belong into the settings.

    Raises:
        Malformed: it is none.
    """
    text = fields.get(name, "")
    if not text.startswith(_REFERENCES):
        raise Malformed(name, "a reference such as env:NAME or file:PATH is expected")
    return text


def _checkable(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule with secrets that can be read here: references are read where it will run."""
    checkable = dict(rule)
    if "webhook" in checkable:
        key = "literal:whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
        checkable["webhook"] = {"url": "literal:url", "secret": key}
    if "chat" in checkable:
        checkable["chat"] = {"url": "literal:url"}
    return checkable


def _toml(value: Any) -> str:
    """A value of TOML: texts as JSON writes them, tables in one line."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_toml(part)}" for key, part in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value, ensure_ascii=False)
