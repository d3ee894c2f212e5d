"""A configured provider for reconciliation: its matching rules, and how its log is read."""

from ops.providers.configured import ConfiguredProvider
from providers.contract import Callback, Verified
from reconcile.findings.delivery_log import ReadLogged
from reconcile.snapshot.rules import Rules
from vocabulary.errors import Refused
from vocabulary.facts import BalanceQuery, HistoryRecord, Operation


def rules_of(provider: ConfiguredProvider) -> Rules:
    """How this provider's rows may be matched, and which differences are tolerated."""
    return Rules(
        attributes=not provider.history.names_rounds,
        tolerance=provider.tolerance,
    )


def reader_of(provider: ConfiguredProvider) -> ReadLogged:
    """A reader of the callbacks in this provider's log, which asks its dialect."""

    def read(body: bytes) -> Operation | None:
        callback = Callback(route="", headers={}, body=body)
        try:
            fact = provider.dialect.parse(
                Verified(callback=callback, document=None), provider.provider
            )
        except Refused:
            return None
        return None if isinstance(fact, BalanceQuery | HistoryRecord) else fact

    return read
