"""A secret with the reference it came from; only the reference may be shown."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One resolved secret.

    Attributes:
        reference: where it came from, fit to be shown: ``env:NAME`` or ``file:PATH``.
        value: the secret itself; in no repr.
        missing: what is expected where the reference leads, if there is no value; else empty.
            Only secrets that few commands need are read without one.
    """

    reference: str
    value: bytes = field(repr=False)
    missing: str = ""
