"""Records that a delivery changes without a newer version.

Either the provider contradicts itself, or the same line is read under other settings.

A later ``updated_at`` with the same ``created_at`` is a newer version of a record and may have
other figures. Any other delivery of a stored record must repeat its figures. A record that the
delivery has in several lines is no change, and neither is a version that was stored before if
the same file is read again, or if a pull still lists what a file has replaced.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, text

from vocabulary.clock import iso
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor

#: Changes that are returned; there may be more of them.
CHANGES_MAX = 20

_FIGURES = ("round_id", "handle", "currency", "stake", "payout", "rolled_back", "created_at")


def _figures(table: str, further: tuple[str, ...] = ()) -> str:
    return "(" + ", ".join(f"{table}.{name}" for name in (*_FIGURES, *further)) + ")"


def _same_line(version: str, stage: str) -> str:
    """Whether a version is of a staged line, also if its line was archived."""
    return f"({version}.raw = {stage}.raw OR {version}.raw = digest_of_bytes('', {stage}.raw))"


# A partial rollback is stored with negative amounts (feeds.partial_rollbacks); as reported it
# is the same record.
_SAME_ROLLBACK = """
    (s.rolled_back AND NOT r.rolled_back AND r.stake <= 0 AND r.payout <= 0
     AND s.stake + s.payout = -(r.stake + r.payout)
     AND (s.round_id, s.handle, s.currency, s.created_at)
         = (r.round_id, r.handle, r.currency, r.created_at))
"""
_PAIRS = ", ".join(f"r.{name} AS before_{name}, s.{name} AS after_{name}" for name in _FIGURES)


class Precedence(StrEnum):
    """What the figures of a delivery count for beside stored ones that are not older."""

    NEW_FILE = "new file"
    KNOWN_FILE = "known file"
    CONFIRMED_FILE = "confirmed file"
    PULL = "pull"


_IS_KNOWN = """
EXISTS (SELECT FROM feed_versions v
         WHERE v.provider = :provider AND v.record_id = s.record_id AND v.content = s.content)
"""
_ALSO_LISTS_STORED = f"""
EXISTS (SELECT FROM feed_stage o
         WHERE o.record_id = s.record_id AND {_figures("o")} = {_figures("r")})
"""
_IS_OTHER_OCCURRENCE = f"""
EXISTS (SELECT FROM feed_records o
         WHERE o.provider = :provider AND o.record_id = s.record_id
           AND {_figures("o")} = {_figures("s")})
"""
# A person confirms all of a file. What a file replaced is no news if a pull still lists it, but
# a pull that goes back on what an earlier pull brought is.
_NO_CHANGE: Mapping[Precedence, tuple[str, ...]] = MappingProxyType(
    {
        Precedence.NEW_FILE: (_IS_OTHER_OCCURRENCE, _ALSO_LISTS_STORED),
        Precedence.KNOWN_FILE: (_IS_KNOWN, _ALSO_LISTS_STORED),
        Precedence.CONFIRMED_FILE: (),
        Precedence.PULL: (f"(r.source <> :source AND {_IS_KNOWN})", _ALSO_LISTS_STORED),
    }
)
_CONTRADICTS = f"""
       r.provider = :provider AND r.record_id = s.record_id AND r.occurrence = s.occurrence
   AND {_figures("s")} <> {_figures("r")} AND NOT {_SAME_ROLLBACK}
   AND NOT (s.created_at = r.created_at AND s.updated_at <> r.updated_at)
"""
_CHANGED = f"""
SELECT s.record_id, s.occurrence, r.source, {_PAIRS}, count(*) OVER () AS changes
  FROM feed_stage s, feed_records r
 WHERE {_CONTRADICTS} {{unless}}
 ORDER BY s.record_id, s.occurrence LIMIT :most
"""  # noqa: S608 - only the constants above are put in
# A known version becomes a version of its own, or it would be dropped as nothing new.
_MARK_PREVAILING = f"""
UPDATE feed_stage s
   SET is_reread = true,
       content = CASE WHEN {_IS_KNOWN}
                      THEN substring(sha256(s.content || int8send(nextval('feed_order')))
                                     FOR 16)
                      ELSE s.content END
  FROM feed_records r
 WHERE NOT s.is_reread AND {_CONTRADICTS} {{unless}}
"""  # noqa: S608 - only the constants above are put in
# What a line gives besides its figures.
_DETAILS = ("declared_net", "balance_before", "balance_after", "game", "updated_at")
# The current values of a record were read from the version that came with them, the last one if
# there are several. A record that came back from a withdrawal has none of its own: then any
# version of the line counts.
_MARK_REREAD = f"""
UPDATE feed_stage s
   SET is_reread = true,
       content = substring(sha256(s.content || int8send(nextval('feed_order'))) FOR 16)
  FROM feed_records r
 WHERE r.provider = :provider AND r.record_id = s.record_id AND r.occurrence = s.occurrence
   AND {_figures("s", _DETAILS)} IS DISTINCT FROM {_figures("r", _DETAILS)}
   AND NOT {_SAME_ROLLBACK}
   AND EXISTS (SELECT FROM feed_versions v
                WHERE v.provider = :provider AND v.record_id = s.record_id
                  AND {_same_line("v", "s")}
                  AND ((v.received_at, v.source) = (r.received_at, r.source)
                       OR NOT EXISTS (SELECT FROM feed_versions o
                                       WHERE o.provider = :provider
                                         AND o.record_id = r.record_id
                                         AND (o.received_at, o.source)
                                             = (r.received_at, r.source)))
                  AND NOT EXISTS (SELECT FROM feed_versions l
                                   WHERE l.provider = :provider AND l.record_id = s.record_id
                                     AND l.version_id > v.version_id
                                     AND (l.received_at, l.source)
                                         = (r.received_at, r.source)
                                     AND NOT EXISTS (SELECT FROM feed_stage o
                                                      WHERE o.record_id = l.record_id
                                                        AND {_same_line("l", "o")})))
"""  # noqa: S608 - only the constants above are put in
_REREAD = f"""
SELECT s.record_id, s.occurrence, r.source, {_PAIRS}, count(*) OVER () AS changes
  FROM feed_stage s
  JOIN feed_records r ON r.provider = :provider AND r.record_id = s.record_id
                     AND r.occurrence = s.occurrence
 WHERE s.is_reread
 ORDER BY s.record_id, s.occurrence LIMIT :most
"""  # noqa: S608 - only the constant above is put in


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
        figures = ", ".join(self._differences(exponents)) or "balances or details"
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


def staged_changes(
    connection: Connection, provider: str, precedence: Precedence, *, source: str
) -> Changes:
    """Compare the staged records with the stored ones, before they are stored."""
    return _changes(connection, _for(precedence, _CHANGED), provider, source=source)


def mark_prevailing(
    connection: Connection, provider: str, precedence: Precedence, *, source: str
) -> int:
    """Mark the staged records whose figures replace the stored ones; returns their number.

    They do so also if they were stored before, or if their instants are earlier.
    """
    params = {"provider": provider, "source": source}
    return connection.execute(text(_for(precedence, _MARK_PREVAILING)), params).rowcount


def mark_reread(connection: Connection, provider: str) -> Changes:
    """Mark the staged records whose line is known and is read otherwise than before.

    They become versions of their own, which replace the earlier reading of the line.
    """
    marked = connection.execute(text(_MARK_REREAD), {"provider": provider}).rowcount
    return _changes(connection, _REREAD, provider) if marked else Changes()


def _for(precedence: Precedence, query: str) -> str:
    unless = "".join(f" AND NOT {reason}" for reason in _NO_CHANGE[precedence])
    return query.replace("{unless}", unless)


def _changes(
    connection: Connection, query: str, provider: str, *, source: str | None = None
) -> Changes:
    params = {"provider": provider, "source": source, "most": CHANGES_MAX}
    rows = connection.execute(text(query), params).all()
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
        return text_from_minor(value, digits_of(figures["currency"], exponents))
    return iso(value) if isinstance(value, datetime) else str(value)
