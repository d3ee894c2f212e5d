"""Verifies stored requests again, with the live and the retired secrets."""

from collections.abc import Mapping
from dataclasses import dataclass

from console.config import CheckSignature, SignatureVerdict
from ops.providers.configured import ConfiguredProvider, configured_for_proofs
from ops.settings.model import Settings
from providers.contract import Callback
from vocabulary.errors import NotAuthentic


def signature_check(settings: Settings) -> CheckSignature:
    """Verifies requests of the configured providers."""
    return _SignatureCheck(configured_for_proofs(settings))


@dataclass(frozen=True, slots=True)
class _SignatureCheck:
    providers: Mapping[str, ConfiguredProvider]

    def __call__(self, slug: str, callback: Callback) -> SignatureVerdict:
        entry = self.providers.get(slug)
        if entry is None:
            return SignatureVerdict(holds=None, why="the provider is not configured")
        try:
            entry.dialect.verify(callback, entry.provider)
        except NotAuthentic:
            return SignatureVerdict(
                holds=False,
                why="under any configured secret; it did when the request was taken",
            )
        return SignatureVerdict(holds=True, why="under a configured secret")
