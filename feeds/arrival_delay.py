"""How long a one-sided row may wait for its other side: declared, or learned from lateness.

A feed shows by itself how late it is: from what happened to when we first heard of it. Learned
is the age at which a stated share of records had arrived, between a floor and a ceiling, and
only from enough of them; otherwise what was declared holds. Records younger than the ceiling
are left out, because those among them that are late have not come yet, and so are records from
before the first that we ever heard, which were told late because we asked late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, text

from vocabulary.maturity import MaturityAges, RecordKind

#: Newest records looked at.
SAMPLES_MAX = 100_000
PER_MILLE = 1_000

_NOTHING: Mapping[RecordKind, timedelta] = MappingProxyType({})
_LATENESS = """
WITH heard AS (
    SELECT received_at AS since FROM feed_versions
     WHERE provider = :provider ORDER BY version_id LIMIT 1
), records AS (
    SELECT record_id, created_at,
           CASE WHEN rolled_back OR stake < 0 OR payout < 0 THEN 'rollback'
                WHEN payout > 0 THEN 'win' ELSE 'bet' END AS happening
      FROM feed_records
     WHERE provider = :provider AND occurrence = 1
       AND created_at >= :since AND created_at < :until
       AND created_at >= (SELECT since FROM heard)
     ORDER BY created_at DESC LIMIT :most
)
SELECT happening,
       greatest(ceil(extract(epoch FROM v.first_at - r.created_at)), 0)::bigint AS late_s
  FROM records r
 CROSS JOIN LATERAL (SELECT min(received_at) AS first_at FROM feed_versions
                      WHERE provider = :provider AND record_id = r.record_id) v
"""


class MaturitySource(StrEnum):
    """Where a maturity comes from."""

    DECLARED = "declared"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturityRules:
    """What the settings say of one provider.

    Attributes:
        declared: holds where nothing else does.
        by_happening: declared apart.
        learns: whether the feed's own lateness decides where there is enough of it.
        per_mille: the share of records that must have arrived, of 1 000.
        samples_min: fewer records teach nothing.
        floor, ceiling: bounds of what is learned.
        over: how far back is looked.
    """

    declared: timedelta
    by_happening: Mapping[RecordKind, timedelta] = field(default_factory=lambda: _NOTHING)
    learns: bool = False
    per_mille: int = 995
    samples_min: int = 200
    floor: timedelta = timedelta(minutes=1)
    ceiling: timedelta = timedelta(days=3)
    over: timedelta = timedelta(days=14)

    def declared_for(self, happening: RecordKind) -> timedelta:
        """What was declared of it."""
        return self.by_happening.get(happening, self.declared)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturityAge:
    """The age at which one kind of row has to have its other side.

    Attributes:
        per_mille: the share of records that had arrived by then; None where it was declared.
        samples: records that it was learned from, or that were too few to learn from.
    """

    age: timedelta
    source: MaturitySource
    per_mille: int | None
    samples: int

    def to_json(self) -> dict[str, Any]:
        """As the interface prints it."""
        return {
            "age_s": int(self.age.total_seconds()),
            "source": str(self.source),
            "per_mille": self.per_mille,
            "samples": self.samples,
        }


@dataclass(frozen=True, slots=True)
class ProviderMaturity:
    """The maturity of one provider's rows, complete."""

    by_happening: Mapping[RecordKind, MaturityAge]

    def of(self, happening: RecordKind) -> timedelta:
        """The age of one kind."""
        return self.by_happening[happening].age

    @property
    def ages(self) -> MaturityAges:
        """What a run judges by."""
        return MaturityAges(
            bet=self.of(RecordKind.BET),
            win=self.of(RecordKind.WIN),
            rollback=self.of(RecordKind.ROLLBACK),
        )

    def to_json(self) -> dict[str, Any]:
        """As the interface prints it, by kind."""
        return {str(kind): each.to_json() for kind, each in self.by_happening.items()}


def learned(lateness_s: Sequence[int], rules: MaturityRules) -> timedelta | None:
    """The age by which the stated share had arrived; None: too few to say. Pure.

    Args:
        lateness_s: seconds from what happened to when it was first heard of, in any order.
        rules: the share, the bounds and how many it takes.
    """
    if not lateness_s or len(lateness_s) < rules.samples_min:
        return None
    # The nearest rank, in integers: the smallest age that at least the share has reached.
    rank = -(-rules.per_mille * len(lateness_s) // PER_MILLE)
    age = timedelta(seconds=sorted(lateness_s)[max(rank, 1) - 1])
    return min(max(age, rules.floor), rules.ceiling)


def judged(
    lateness_s: Mapping[RecordKind, Sequence[int]], rules: MaturityRules
) -> ProviderMaturity:
    """The maturity of every kind, from what was seen of it. Pure."""
    return ProviderMaturity(
        MappingProxyType(
            {kind: _ripe_age(kind, lateness_s.get(kind, ()), rules) for kind in RecordKind}
        )
    )


def maturity_for(
    connection: Connection, provider: str, settings: MaturityRules, now: datetime
) -> ProviderMaturity:
    """The maturity of a provider's rows at ``now``, per kind, with what it rests on."""
    return judged(lateness_of(connection, provider, settings, now), settings)


def lateness_of(
    connection: Connection, provider: str, settings: MaturityRules, now: datetime
) -> dict[RecordKind, list[int]]:
    """Seconds that records were late, by kind; of those old enough to have all come."""
    until = now - settings.ceiling
    said = {
        "provider": provider,
        "since": until - settings.over,
        "until": until,
        "most": SAMPLES_MAX,
    }
    found: dict[RecordKind, list[int]] = {kind: [] for kind in RecordKind}
    for row in connection.execute(text(_LATENESS), said):
        found[RecordKind(row.happening)].append(row.late_s)
    return found


def _ripe_age(kind: RecordKind, lateness_s: Sequence[int], rules: MaturityRules) -> MaturityAge:
    age = learned(lateness_s, rules) if rules.learns else None
    if age is None:
        return MaturityAge(
            age=rules.declared_for(kind),
            source=MaturitySource.DECLARED,
            per_mille=None,
            samples=len(lateness_s),
        )
    return MaturityAge(
        age=age,
        source=MaturitySource.LEARNED,
        per_mille=rules.per_mille,
        samples=len(lateness_s),
    )
