"""Rules of notifications that people keep in the database, beside those of the settings.

Tables written: ``notification_rules``, ``audit``. Each change is one transaction with its audit
row, which has the terms before and after. A rule is never removed: its messages name it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from storage.audit import record

_COLUMNS = "rule AS name, terms, version, disabled, changed_by, changed_at"
_ALL = f"SELECT {_COLUMNS} FROM notification_rules ORDER BY rule"  # noqa: S608 - our columns
_LOCK = f"""
SELECT {_COLUMNS} FROM notification_rules WHERE rule = :name FOR UPDATE
"""  # noqa: S608 - our columns
_ADD = """
INSERT INTO notification_rules (rule, terms, changed_by, changed_at)
VALUES (:name, CAST(:terms AS jsonb), :by, :now) ON CONFLICT DO NOTHING
"""
_CHANGE = """
UPDATE notification_rules
   SET terms = CAST(:terms AS jsonb), disabled = :disabled, version = version + 1,
       changed_by = :by, changed_at = :now
 WHERE rule = :name
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRule:
    """A rule of the database.

    Attributes:
        terms: its keys as ``[[notify]]`` has them, ``channel`` and ``recipients``.
        version: grows with each change; a form carries the one that its page showed.
    """

    name: str
    terms: Mapping[str, Any]
    version: int
    disabled: bool
    changed_by: str
    changed_at: datetime

    @property
    def summary(self) -> str:
        """What it says and whether it rests, in one line."""
        terms = "; ".join(f"{key}: {_text(value)}" for key, value in sorted(self.terms.items()))
        return f"{terms}; {'disabled' if self.disabled else 'enabled'} by {self.changed_by}"


def stored_rules(connection: Connection) -> list[StoredRule]:
    """Every rule of the database, by name."""
    return [StoredRule(**row) for row in connection.execute(text(_ALL)).mappings()]


def add_rule(
    connection: Connection, name: str, terms: Mapping[str, Any], *, by: str, now: datetime
) -> bool:
    """Store a new rule, which counts at once; False if there is one of this name."""
    params = {"name": name, "terms": json.dumps(terms), "by": by, "now": now}
    added = connection.execute(text(_ADD), params).rowcount == 1
    if added:
        record(connection, by, "notification_rule.added", _subject(name), {"terms": terms})
    return added


def change_rule(
    connection: Connection,
    name: str,
    terms: Mapping[str, Any],
    *,
    version: int,
    by: str,
    now: datetime,
) -> bool:
    """Give a rule other terms; False if it has another version than expected, or is gone."""
    rule = _locked(connection, name, version)
    if rule is None:
        return False
    _write(connection, rule, terms=terms, disabled=rule.disabled, by=by, now=now)
    detail = {"before": rule.terms, "terms": terms}
    record(connection, by, "notification_rule.changed", _subject(name), detail)
    return True


def switch_rule(
    connection: Connection,
    name: str,
    *,
    disabled: bool,
    version: int | None,
    by: str,
    now: datetime,
    reason: str,
) -> bool:
    """Disable or enable a rule; False if it has another version, or is so already.

    A disabled rule takes no events, and its messages wait.

    Args:
        connection: of a transaction.
        name: of the rule.
        disabled: whether it is to rest.
        version: that the person saw; None: whichever it has.
        by: who decides.
        now: when.
        reason: why.
    """
    rule = _locked(connection, name, version)
    if rule is None or rule.disabled == disabled:
        return False
    _write(connection, rule, terms=rule.terms, disabled=disabled, by=by, now=now)
    action = f"notification_rule.{'disabled' if disabled else 'enabled'}"
    record(connection, by, action, _subject(name), {"why": reason})
    return True


def _locked(connection: Connection, name: str, version: int | None) -> StoredRule | None:
    row = connection.execute(text(_LOCK), {"name": name}).mappings().first()
    if row is None or version not in (None, row["version"]):
        return None
    return StoredRule(**row)


def _write(
    connection: Connection,
    rule: StoredRule,
    *,
    terms: Mapping[str, Any],
    disabled: bool,
    by: str,
    now: datetime,
) -> None:
    params = {"name": rule.name, "terms": json.dumps(terms), "disabled": disabled}
    connection.execute(text(_CHANGE), {**params, "by": by, "now": now})


def _subject(name: str) -> str:
    return f"notification rule {name}"


def amounts_text(over: Mapping[str, str]) -> str:
    """Amounts by currency as a form has them."""
    return ", ".join(f"{amount} {currency}" for currency, amount in over.items())


def _text(value: object) -> str:
    match value:
        case dict():
            return amounts_text(value)
        case list():
            return ", ".join(map(str, value))
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
