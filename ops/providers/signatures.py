"""Verifies stored requests again, with the secrets of today."""

from collections.abc import Mapping
from dataclasses import dataclass

from console.config import CheckSignature, SignatureVerdict
from ops.providers.configured import ConfiguredProvider, configured
from ops.settings.model import Settings
from providers.contract import Callback
from vocabulary.errors import NotAuthentic


def signature_check(settings: Settings) -> CheckSignature:
    """Verifies requests of the configured providers."""
    return _SignatureCheck(configured(settings))


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
                why="under any of today's secrets; it did when the request was taken",
            )
        return SignatureVerdict(holds=True, why="under a secret of today")
