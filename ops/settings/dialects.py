"""The dialects, imported only where providers are configured; help texts need none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from providers.dialect import Dialect


def dialects() -> "Mapping[str, Dialect]":
    """Every dialect by name."""
    from providers.registry import DIALECTS  # noqa: PLC0415 - see above

    return DIALECTS
