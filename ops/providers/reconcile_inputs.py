"""Matching rules of a configured provider, and the reader of its delivery log."""

from ops.providers.configured import ConfiguredProvider
from providers.contract import Callback, Verified
from reconcile.findings.delivery_log import ReadLogged
from reconcile.snapshot.rules import Rules
from vocabulary.errors import Refused
from vocabulary.facts import Operation


def rules_of(provider: ConfiguredProvider) -> Rules:
    """The rules by which rows match, with the tolerated differences."""
    return Rules(
        attributes=not provider.history.names_rounds,
        tolerance=provider.tolerance,
    )


def reader_of(provider: ConfiguredProvider) -> ReadLogged:
    """A reader of the callbacks in the provider's log, which uses its dialect."""

    def read(body: bytes) -> Operation | None:
        callback = Callback(route="", headers={}, body=body)
        try:
            fact = provider.dialect.parse(
                Verified(callback=callback, document=None), provider.provider
            )
        except Refused:
            return None
        return fact if isinstance(fact, Operation) else None

    return read
