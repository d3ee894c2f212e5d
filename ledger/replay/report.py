"""What a proof from stored evidence needs and says: voices to hear, differences to name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from providers.contract import Policy, Provider
from providers.dialect import Dialect

#: How many differences are named; all of them are counted.
NAMED_MAX = 20
#: Longest text shown of a value that differs, in characters.
SHOWN_CHARS_MAX = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDecoder:
    """One configured provider as replay hears it: today's dialect, settings and secrets."""

    dialect: Dialect
    provider: Provider
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDecoders:
    """Every provider that may have spoken, by slug."""

    providers: Mapping[str, ProviderDecoder]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayWindow:
    """What is replayed: batches committed from ``since`` until before ``until``; None: all."""

    since: datetime | None = None
    until: datetime | None = None
    provider: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self == ReplayWindow()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One row that the evidence does not lead to.

    Attributes:
        row: the row's name: a transaction, ``delivery 17`` or ``wallet 3 (ann EUR)``.
        ours, shadow: what is stored, and what the evidence leads to.
    """

    row: str
    provider: str
    op_key: str
    field: str
    ours: str
    shadow: str


@dataclass(slots=True, kw_only=True)
class ReplayResult:
    """What a replay came to; counts of rows.

    Attributes:
        decided: operations decided again from their bytes.
        told: operations that could only be taken as they stand, by cause.
        unverifiable: rows whose signature holds under none of today's secrets.
        differing: rows that differ; ``differences`` names the first of them.
    """

    wallets: int = 0
    operations: int = 0
    decided: int = 0
    deliveries: int = 0
    told: dict[str, int] = field(default_factory=dict)
    unverifiable: int = 0
    unverifiable_first: list[str] = field(default_factory=list)
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)

    def take_as_told(self, cause: str) -> None:
        """Count an operation that was not decided again."""
        self.told[cause] = self.told.get(cause, 0) + 1

    def cannot_verify(self, row: str) -> None:
        """Count a row whose sender can no longer be proven."""
        self.unverifiable += 1
        if len(self.unverifiable_first) < NAMED_MAX:
            self.unverifiable_first.append(row)

    def differ(
        self, *, row: str, provider: str, op_key: str, fields: "FieldDifferences"
    ) -> None:
        """Count a row that differs, and name its first field."""
        if not fields:
            return
        self.differing += 1
        if len(self.differences) < NAMED_MAX:
            name, ours, shadow = fields[0]
            self.differences.append(
                Difference(
                    row=row,
                    provider=provider,
                    op_key=op_key,
                    field=name,
                    ours=shown(ours),
                    shadow=shown(shadow),
                )
            )


#: Fields that differ: name, what is stored, what the evidence leads to.
FieldDifferences = list[tuple[str, object, object]]


def shown(value: object) -> str:
    """A value as a person reads it, bounded."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"
