"""What a provider's rows are matched by: the settings of the passes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How rows may be matched beyond their names.

    Attributes:
        attributes: the provider's history does not name our rounds, so that rows may be tied by
            what they hold. Where it does name them, a row without counterpart is missing, and
            tying it to a stranger would hide that.
        edges: where ``attributes``, rows beyond the window take part in its passes. False for
            runs from before they did, which can still be asked again.
        within: rows further apart in time are never tied by attributes.
        clear_by: how much closer in time the best assignment must be than one that leaves
            another row over, before the row left over is certain.
        group_max: the most rows of one side that one row of the other may stand for.
        tolerance: by currency, the largest difference in minor units that is let pass; what was
            let pass is summed and told. Empty: nothing is.
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
        """For a manifest."""
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
    def from_json(cls, told: Mapping[str, Any]) -> "Rules":
        """The rules that ``as_json`` told."""
        return cls(
            attributes=told["attributes"],
            edges=told.get("edges", False),
            within=timedelta(microseconds=told["within_us"]),
            clear_by=timedelta(microseconds=told["clear_by_us"]),
            group_max=told["group_max"],
            tolerance={code: int(minor) for code, minor in told["tolerance_minor"].items()},
        )


#: Rows are matched by name alone, exactly.
BY_NAME = Rules()
