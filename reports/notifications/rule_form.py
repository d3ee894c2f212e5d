"""The fields of a form as the keys of a rule. Pure."""

from collections.abc import Mapping
from typing import Any

from reports.notifications.rules import EventKind
from vocabulary.errors import Malformed


def rule_keys(fields: Mapping[str, str]) -> dict[str, Any]:
    """The keys of ``[[notify]]`` but its channel; those that are left out have their defaults.

    Args:
        fields: ``name``, ``when_KIND`` of each event; ``providers``, ``people`` and ``over``
            with commas; ``every``, ``overdue_within`` and ``players``; empty ones are left out.

    Raises:
        Malformed: it is about no event, or an amount has no currency.
    """
    keys: dict[str, Any] = {
        "name": fields.get("name", ""),
        "when": [kind.value for kind in EventKind if f"when_{kind}" in fields],
    }
    if not keys["when"]:
        raise Malformed("told of", "at least one event is expected")
    for name in ("providers", "people"):
        if listed := parts_of_text(fields.get(name, "")):
            keys[name] = listed
    if amounts := _amounts(fields.get("over", "")):
        keys["over"] = amounts
    for name in ("overdue_within", "every"):
        if fields.get(name):
            keys[name] = fields[name]
    if fields.get("players"):
        keys["players"] = True
    return keys


def parts_of_text(text: str) -> list[str]:
    """The parts of a text between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _amounts(text: str) -> dict[str, str]:
    """``100.00 USD, 50 EUR`` by currency."""
    amounts = {}
    for part in parts_of_text(text):
        amount, _, currency = part.partition(" ")
        if not currency.strip():
            raise Malformed("breaks of at least", "amounts such as 100.00 USD are expected")
        if currency.strip() in amounts:
            raise Malformed(
                "breaks of at least", f"one amount of {currency.strip()} is expected"
            )
        amounts[currency.strip()] = amount
    return amounts
