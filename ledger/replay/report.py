"""What a replay needs and what it reports: decoders in, differences out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from providers.contract import LedgerPolicy, Provider
from providers.dialect import Dialect
from providers.registry import DIALECTS
from storage.proofs import BEGINS_AT_MONTH_END
from vocabulary.clock import iso

#: How many differences are named; all of them are counted.
NAMED_MAX = 20
#: Longest text shown of a value that differs, in characters.
SHOWN_CHARS_MAX = 160

#: Fields that differ: name, stored value, recomputed value.
FieldDifferences = list[tuple[str, object, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDecoder:
    """One configured provider: today's dialect, settings and secrets."""

    dialect: Dialect
    provider: Provider
    policy: LedgerPolicy

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker without the functions of the dialect, which it has too."""
        return _decoder_of, (self.dialect.name, self.provider, self.policy)


def _decoder_of(dialect: str, provider: Provider, policy: LedgerPolicy) -> ProviderDecoder:
    return ProviderDecoder(dialect=DIALECTS[dialect], provider=provider, policy=policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDecoders:
    """The decoder of every configured provider, by slug."""

    providers: Mapping[str, ProviderDecoder]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayWindow:
    """The batches to replay: committed from ``since`` until before ``until``; None: all.

    Attributes:
        month_end: where the chains begin, because older rows left; None: at their beginning.
    """

    since: datetime | None = None
    until: datetime | None = None
    provider: str | None = None
    month_end: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self == ReplayWindow()

    @property
    def text(self) -> str:
        """The window in words."""
        since = self.month_end
        if since is not None and self == ReplayWindow(since=since, month_end=since):
            return f"{BEGINS_AT_MONTH_END}{iso(since)} on"
        parts = (
            ("from", self.since and iso(self.since)),
            ("to", self.until and iso(self.until)),
            ("provider", self.provider),
        )
        return ", ".join(f"{name} {value}" for name, value in parts if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One row that does not follow from the evidence; the names are JSON keys.

    Attributes:
        row: the row's name: a transaction, ``delivery 17`` or ``wallet 3 (ann EUR)``.
        ours: the stored value.
        shadow: the recomputed value.
    """

    row: str
    provider: str
    op_key: str
    field: str
    ours: str
    shadow: str


@dataclass(slots=True, kw_only=True)
class ReplayResult:
    """The result of a replay, as counts of rows; the names are JSON keys.

    Attributes:
        decided: operations decided again from their bytes.
        told: operations that could only be taken as stored, by cause.
        unverifiable: rows whose signature holds under none of today's secrets.
        unproven: operations and deliveries that cannot be proven from their bytes, by cause;
            the unverifiable ones are among them.
        differing: rows that differ; ``differences`` names the first of them.
    """

    wallets: int = 0
    operations: int = 0
    decided: int = 0
    deliveries: int = 0
    told: dict[str, int] = field(default_factory=dict)
    unverifiable: int = 0
    unverifiable_first: list[str] = field(default_factory=list)
    unproven: dict[str, int] = field(default_factory=dict)
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)

    def count_as_stored(self, cause: str) -> None:
        """Count an operation that was taken as stored."""
        self.told[cause] = self.told.get(cause, 0) + 1

    @property
    def is_proven(self) -> bool:
        """Whether every row follows from the evidence, and none had to be believed."""
        return not self.differing and not self.unproven

    def count_unverifiable(self, row: str) -> None:
        """Count a row whose sender can no longer be proven."""
        self.unverifiable += 1
        if len(self.unverifiable_first) < NAMED_MAX:
            self.unverifiable_first.append(row)

    def count_unproven(self, cause: str) -> None:
        """Count a row that nothing proves or disproves."""
        self.unproven[cause] = self.unproven.get(cause, 0) + 1

    def add_difference(
        self, *, row: str, provider: str, op_key: str, fields: FieldDifferences
    ) -> None:
        """Count a row if any of its fields differs, and name the first of them."""
        if not fields:
            return
        self.differing += 1
        if len(self.differences) >= NAMED_MAX:
            return
        name, stored, recomputed = fields[0]
        difference = Difference(
            row=row,
            provider=provider,
            op_key=op_key,
            field=name,
            ours=shortened(stored),
            shadow=shortened(recomputed),
        )
        self.differences.append(difference)

    def add(self, part: "ReplayResult") -> None:
        """Add what a later part of the books found."""
        self.wallets += part.wallets
        self.operations += part.operations
        self.decided += part.decided
        self.deliveries += part.deliveries
        self.unverifiable += part.unverifiable
        self.differing += part.differing
        for total, counts in ((self.told, part.told), (self.unproven, part.unproven)):
            for cause, count in counts.items():
                total[cause] = total.get(cause, 0) + count
        self.unverifiable_first = [*self.unverifiable_first, *part.unverifiable_first][
            :NAMED_MAX
        ]
        self.differences = [*self.differences, *part.differences][:NAMED_MAX]


def shortened(value: object) -> str:
    """A value as readable text of bounded length."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"
