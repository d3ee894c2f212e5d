"""Every rule of notifications, of the settings and of the database, and which are in force.

The settings come first: a rule of the database cannot replace one of theirs, and sends over a
channel of theirs. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reports.notifications.rules import NotifyRule
from reports.notifications.stored_rules import StoredRule
from vocabulary.errors import Malformed

#: Makes a rule of its terms and of the rules of the settings, by name, whose channels it may
#: use; raises ``Malformed``.
ReadTerms = Callable[[Mapping[str, Any], Mapping[str, NotifyRule]], NotifyRule]


class RuleSource(StrEnum):
    """Where a rule is kept; a closed set."""

    SETTINGS = "settings"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRule:
    """A rule, wherever it is kept.

    Attributes:
        rule: what it says; None: it cannot be in force, and ``problem`` says why.
        stored: its row; None: the settings have it.
    """

    name: str
    rule: NotifyRule | None
    stored: StoredRule | None = None
    problem: str = ""

    @property
    def source(self) -> RuleSource:
        """Where it is kept."""
        return RuleSource.SETTINGS if self.stored is None else RuleSource.CONSOLE

    @property
    def is_disabled(self) -> bool:
        """Whether a person disabled it."""
        return self.stored is not None and self.stored.disabled

    @property
    def is_in_force(self) -> bool:
        """Whether events make messages of it."""
        return self.rule is not None and not self.is_disabled


def listed_rules(
    settings_rules: Iterable[NotifyRule], stored: Iterable[StoredRule], read_terms: ReadTerms
) -> list[ListedRule]:
    """Every rule: those of the settings in their order, then those of the database by name."""
    by_name = {rule.name: rule for rule in settings_rules}
    own = [ListedRule(name=name, rule=rule) for name, rule in by_name.items()]
    return [*own, *_listed_stored(by_name, stored, read_terms)]


def _listed_stored(
    by_name: Mapping[str, NotifyRule], stored: Iterable[StoredRule], read_terms: ReadTerms
) -> Iterator[ListedRule]:
    for row in stored:
        rule, problem = None, "the settings have a rule of this name, which counts instead"
        if row.name not in by_name:
            try:
                rule, problem = read_terms({**row.terms, "name": row.name}, by_name), ""
            except Malformed as error:
                problem = str(error)
        yield ListedRule(name=row.name, rule=rule, stored=row, problem=problem)
