"""A secret with the reference it came from; only the reference may be shown."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One resolved secret.

    Attributes:
        reference: where it came from, fit to be shown: ``env:NAME`` or ``file:PATH``.
        value: the secret itself; in no repr.
    """

    reference: str
    value: bytes = field(repr=False)
