"""The matching rules of a provider, and the context in which a run judges its rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reconcile.snapshot.immature import ImmatureSince, immature_since
from vocabulary.maturity import MaturityAges, as_ages

_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How rows may be matched beyond their round ids.

    Attributes:
        attributes: the provider's history lacks our round ids, so rows may be matched by their
            contents. If it has them, a row without counterpart is missing, and matching it to
            another round would hide that.
        edges: with ``attributes``, rows just outside the window take part in matching. False
            only for old runs, which did without and can still be verified.
        within: the largest distance in time of two rows matched by attributes.
        clear_by: how much closer in time the best assignment must be than one that leaves
            another row unmatched, before the unmatched row is certain.
        group_max: the most rows of one side that one row of the other may stand for.
        tolerance: by currency, the largest difference in minor units that is accepted; accepted
            differences are summed and reported. Empty: none is accepted.
    """

    attributes: bool = False
    edges: bool = True
    within: timedelta = timedelta(minutes=10)
    clear_by: timedelta = timedelta(seconds=5)
    group_max: int = 6
    tolerance: Mapping[str, int] = field(default_factory=dict)

    @property
    def within_us(self) -> int:
        """``within`` in microseconds."""
        return self.within // _US

    @property
    def clear_by_us(self) -> int:
        """``clear_by`` in microseconds."""
        return self.clear_by // _US

    def as_json(self) -> dict[str, Any]:
        """Return the rules as a manifest stores them."""
        return {
            "attributes": self.attributes,
            "edges": self.edges,
            "within_us": self.within_us,
            "clear_by_us": self.clear_by_us,
            "group_max": self.group_max,
            "tolerance_minor": {
                code: str(self.tolerance[code]) for code in sorted(self.tolerance)
            },
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Rules":
        """Read the rules that ``as_json`` wrote."""
        return cls(
            attributes=stored["attributes"],
            edges=stored.get("edges", False),
            within=timedelta(microseconds=stored["within_us"]),
            clear_by=timedelta(microseconds=stored["clear_by_us"]),
            group_max=stored["group_max"],
            tolerance={code: int(minor) for code, minor in stored["tolerance_minor"].items()},
        )


#: Rows are matched by round id alone, exactly.
BY_ROUND_ID = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchContext:
    """What every verdict of one run depends on, besides the rows.

    Attributes:
        now: the instant of the run.
        maturity: a row younger than this at ``now`` is timing: one age, or one for each kind.
        overdue_before: a round of ours that began earlier and never ended is overdue; None: no
            round is.
    """

    now: datetime
    maturity: MaturityAges | timedelta
    rules: Rules = BY_ROUND_ID
    overdue_before: datetime | None = None

    @property
    def immature_since(self) -> ImmatureSince | None:
        """Since when an operation is immature; None: parts of a round are never immature."""
        return immature_since(as_ages(self.maturity), self.now)
