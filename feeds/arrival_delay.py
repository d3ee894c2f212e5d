"""How late records arrive, and from that how long a one-sided row may wait for its other side.

The arrival delay of a record is the time from its creation to our first receipt of it. The
maturity of a kind of record is declared in the settings, or learned as the age by which a
stated share of records had arrived, within a floor and a ceiling. With too few records the
declared age holds.

Two groups of records teach nothing. Records younger than the ceiling: the late ones among them
are not here yet. Records older than our first receipt: they are late because we asked late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, text

from vocabulary.maturity import MaturityAges, RecordKind

#: Newest records that are sampled.
SAMPLES_MAX = 100_000
PER_MILLE = 1_000

_NOTHING: Mapping[RecordKind, timedelta] = MappingProxyType({})
_DELAYS = """
WITH first_receipt AS (
    SELECT received_at AS since FROM feed_versions
     WHERE provider = :provider ORDER BY version_id LIMIT 1
), records AS (
    SELECT record_id, created_at,
           CASE WHEN rolled_back OR stake < 0 OR payout < 0 THEN 'rollback'
                WHEN payout > 0 THEN 'win' ELSE 'bet' END AS kind
      FROM feed_records
     WHERE provider = :provider AND occurrence = 1
       AND created_at >= :since AND created_at < :until
       AND created_at >= (SELECT since FROM first_receipt)
     ORDER BY created_at DESC LIMIT :most
)
SELECT kind,
       greatest(ceil(extract(epoch FROM v.first_at - r.created_at)), 0)::bigint AS delay_s
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
    """The maturity settings of one provider.

    Attributes:
        declared: the age for kinds without one of their own.
        declared_by_kind: the ages of single kinds.
        learns: use the feed's own arrival delays where there are enough of them.
        per_mille: the share of records that must have arrived, out of 1 000.
        samples_min: with fewer records the declared age holds.
        floor, ceiling: bounds of a learned age.
        lookback: how far before the ceiling records are sampled.
    """

    declared: timedelta
    declared_by_kind: Mapping[RecordKind, timedelta] = field(default_factory=lambda: _NOTHING)
    learns: bool = False
    per_mille: int = 995
    samples_min: int = 200
    floor: timedelta = timedelta(minutes=1)
    ceiling: timedelta = timedelta(days=3)
    lookback: timedelta = timedelta(days=14)

    def declared_for(self, kind: RecordKind) -> timedelta:
        """The declared age of one kind."""
        return self.declared_by_kind.get(kind, self.declared)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturityAge:
    """The age by which a row of one kind must have its other side.

    Attributes:
        per_mille: the share of records that had arrived by this age; None if declared.
        samples: records the age was learned from, or that were too few to learn from.
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
    """The maturity of one provider's rows, with an entry for every kind."""

    by_kind: Mapping[RecordKind, MaturityAge]

    def of(self, kind: RecordKind) -> timedelta:
        """The age of one kind."""
        return self.by_kind[kind].age

    @property
    def ages(self) -> MaturityAges:
        """The ages alone, as a run uses them."""
        return MaturityAges(
            bet=self.of(RecordKind.BET),
            win=self.of(RecordKind.WIN),
            rollback=self.of(RecordKind.ROLLBACK),
        )

    def to_json(self) -> dict[str, Any]:
        """As the interface prints it, by kind."""
        return {str(kind): maturity.to_json() for kind, maturity in self.by_kind.items()}


def learned_age(delays_s: Sequence[int], rules: MaturityRules) -> timedelta | None:
    """The age by which the stated share of records had arrived; None: too few records. Pure.

    Args:
        delays_s: arrival delays in seconds, in any order.
        rules: the share, the bounds and the smallest number of samples.
    """
    if not delays_s or len(delays_s) < rules.samples_min:
        return None
    # Nearest rank, in integers: the smallest delay that at least the share did not exceed.
    rank = -(-rules.per_mille * len(delays_s) // PER_MILLE)
    age = timedelta(seconds=sorted(delays_s)[max(rank, 1) - 1])
    return min(max(age, rules.floor), rules.ceiling)


def provider_maturity(
    delays_s: Mapping[RecordKind, Sequence[int]], rules: MaturityRules
) -> ProviderMaturity:
    """The maturity of every kind, from the arrival delays of its records. Pure."""
    return ProviderMaturity(
        MappingProxyType(
            {kind: _maturity_age(kind, delays_s.get(kind, ()), rules) for kind in RecordKind}
        )
    )


def maturity_for(
    connection: Connection, provider: str, rules: MaturityRules, now: datetime
) -> ProviderMaturity:
    """The maturity of a provider's rows at ``now``, by kind, with its source."""
    return provider_maturity(_observed_delays(connection, provider, rules, now), rules)


def longest_maturity(
    connection: Connection, provider: str, rules: MaturityRules, now: datetime
) -> timedelta:
    """The age by which every row of a provider must have its other side.

    Samples arrivals only if the rules learn from them; up to ``SAMPLES_MAX`` cost tenths of a
    second.
    """
    if not rules.learns:
        return max(rules.declared_for(kind) for kind in RecordKind)
    maturity = maturity_for(connection, provider, rules, now)
    return max(age.age for age in maturity.by_kind.values())


def _observed_delays(
    connection: Connection, provider: str, rules: MaturityRules, now: datetime
) -> dict[RecordKind, list[int]]:
    """Arrival delays in seconds, by kind, of records older than the ceiling."""
    until = now - rules.ceiling
    params = {
        "provider": provider,
        "since": until - rules.lookback,
        "until": until,
        "most": SAMPLES_MAX,
    }
    delays_s: dict[RecordKind, list[int]] = {kind: [] for kind in RecordKind}
    for row in connection.execute(text(_DELAYS), params):
        delays_s[RecordKind(row.kind)].append(row.delay_s)
    return delays_s


def _maturity_age(
    kind: RecordKind, delays_s: Sequence[int], rules: MaturityRules
) -> MaturityAge:
    age = learned_age(delays_s, rules) if rules.learns else None
    if age is None:
        return MaturityAge(
            age=rules.declared_for(kind),
            source=MaturitySource.DECLARED,
            per_mille=None,
            samples=len(delays_s),
        )
    return MaturityAge(
        age=age,
        source=MaturitySource.LEARNED,
        per_mille=rules.per_mille,
        samples=len(delays_s),
    )
