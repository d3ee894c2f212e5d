"""Which of a provider's live secrets its callbacks are signed with, for a rotation to end."""

from collections.abc import Sequence
from dataclasses import replace

from prometheus_client import Counter

from providers.contract import Callback, Provider
from providers.dialect import Dialect
from vocabulary.errors import NotAuthentic


class SecretUse:
    """Counts authentic callbacks by secret.

    With one secret that costs nothing. During a rotation each callback is verified once more
    for every secret that is tried, the newest first.

    Args:
        dialect: verifies.
        provider: with all of its live secrets.
        counters: one for each secret, in their order.
    """

    def __init__(
        self, dialect: Dialect, provider: Provider, counters: Sequence[Counter]
    ) -> None:
        self._dialect = dialect
        self._alone = [
            (replace(provider, secrets=(secret,)), counter)
            for secret, counter in zip(provider.secrets, counters, strict=True)
        ][::-1]

    def count(self, callback: Callback) -> None:
        """Count a callback that was found authentic under one of the secrets."""
        for provider, counter in self._alone[:-1]:
            if self._is_signed_by(callback, provider):
                counter.inc()
                return
        self._alone[-1][1].inc()

    def _is_signed_by(self, callback: Callback, provider: Provider) -> bool:
        try:
            self._dialect.verify(callback, provider)
        except NotAuthentic:
            return False
        return True
