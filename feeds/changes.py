"""Records that a delivery changes without a newer version: the provider contradicts itself.

A later ``updated_at`` with the same ``created_at`` is a newer version of a record and may have
other figures. Any other delivery of a stored record must repeat its figures. A version that was
stored before, or a record that the delivery has in several lines, is no change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from vocabulary.clock import iso
from vocabulary.money import exponent_of, text_from_minor

#: Changes that are returned; there may be more of them.
CHANGES_MAX = 20

_FIGURES = ("round_id", "handle", "currency", "stake", "payout", "rolled_back", "created_at")


def _figures(table: str) -> str:
    return "(" + ", ".join(f"{table}.{name}" for name in _FIGURES) + ")"


# A partial rollback is stored with negative amounts (feeds.partial_rollbacks); as reported it
# is the same record.
_SAME_ROLLBACK = """
    (s.rolled_back AND NOT r.rolled_back AND r.stake <= 0 AND r.payout <= 0
     AND s.stake + s.payout = -(r.stake + r.payout)
     AND (s.round_id, s.handle, s.currency, s.created_at)
         = (r.round_id, r.handle, r.currency, r.created_at))
"""
_PAIRS = ", ".join(f"r.{name} AS before_{name}, s.{name} AS after_{name}" for name in _FIGURES)
_CHANGED = f"""
SELECT s.record_id, s.occurrence, r.source, {_PAIRS}, count(*) OVER () AS changes
  FROM feed_stage s
  JOIN feed_records r ON r.provider = :provider AND r.record_id = s.record_id
                     AND r.occurrence = s.occurrence
 WHERE {_figures("s")} <> {_figures("r")} AND NOT {_SAME_ROLLBACK}
   AND NOT (s.created_at = r.created_at AND s.updated_at <> r.updated_at)
   AND NOT EXISTS (SELECT FROM feed_versions v
                    WHERE v.provider = :provider AND v.record_id = s.record_id
                      AND v.content = s.content)
   AND NOT EXISTS (SELECT FROM feed_stage o
                    WHERE o.record_id = s.record_id AND {_figures("o")} = {_figures("r")})
 ORDER BY s.record_id, s.occurrence LIMIT :most
"""  # noqa: S608 - only the constants above are put in


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange:
    """A stored record that a delivery reports with other figures.

    Attributes:
        source: what reported the stored version: 'push', 'pull' or the name of a file.
        before, after: its figures by name; amounts in minor units.
    """

    record_id: str
    occurrence: int
    source: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def round_id(self) -> str:
        """The round of the stored version."""
        return str(self.before["round_id"])

    def sentence(self, exponents: Mapping[str, int]) -> str:
        """Record, source, and every figure that differs: before and now."""
        figures = ", ".join(self._differences(exponents))
        return f"{self.record_id}, reported by {self.source} ({figures})"

    def _differences(self, exponents: Mapping[str, int]) -> Iterator[str]:
        for name, before in self.before.items():
            after = self.after[name]
            if before != after:
                old, new = (_shown(name, side, exponents) for side in (self.before, self.after))
                yield f"{name.replace('_', ' ')} {old}, now {new}"

    def evidence(self) -> dict[str, Any]:
        """The change as JSON values."""
        sides = {"before": self.before, "after": self.after}
        return {
            "record_id": self.record_id,
            "occurrence": self.occurrence,
            "told_by": self.source,
            **{
                side: {**figures, "created_at": iso(figures["created_at"])}
                for side, figures in sides.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a delivery changes.

    Attributes:
        count: of all changed records.
        first: at most ``CHANGES_MAX`` of them, by their ids.
    """

    count: int = 0
    first: tuple[RecordChange, ...] = ()


def staged_changes(connection: Connection, provider: str) -> Changes:
    """Compare the staged records with the stored ones, before they are stored."""
    params = {"provider": provider, "most": CHANGES_MAX}
    rows = connection.execute(text(_CHANGED), params).all()
    if not rows:
        return Changes()
    first = tuple(
        RecordChange(
            record_id=row.record_id,
            occurrence=row.occurrence,
            source=row.source,
            before={name: row._mapping[f"before_{name}"] for name in _FIGURES},
            after={name: row._mapping[f"after_{name}"] for name in _FIGURES},
        )
        for row in rows
    )
    return Changes(count=rows[0].changes, first=first)


def _shown(name: str, figures: Mapping[str, Any], exponents: Mapping[str, int]) -> str:
    value = figures[name]
    if name in {"stake", "payout"}:
        return text_from_minor(value, exponent_of(figures["currency"], exponents))
    return iso(value) if isinstance(value, datetime) else str(value)
