"""A configured provider as reconciliation takes it: by which rules, and how its log is read."""

from collections.abc import Mapping

import typer

from ops.providers.configured import ConfiguredProvider
from providers.contract import Callback, Verified
from reconcile.findings.delivery_log import ReadLogged
from reconcile.snapshot.rules import Rules
from vocabulary.errors import Refused
from vocabulary.facts import BalanceQuery, HistoryRecord, Operation


def provider_named(known: Mapping[str, ConfiguredProvider], slug: str) -> ConfiguredProvider:
    """The configured provider of that slug.

    Raises:
        typer.BadParameter: there is none.
    """
    if slug not in known:
        names = ", ".join(known) or "none is configured"
        raise typer.BadParameter(f"no provider {slug!r}; known: {names}")
    return known[slug]


def rules_of(chosen: ConfiguredProvider) -> Rules:
    """How this provider's rows may be matched, and what difference is let pass."""
    return Rules(
        attributes=not chosen.history.names_rounds,
        tolerance=chosen.tolerance,
    )


def reader_of(chosen: ConfiguredProvider) -> ReadLogged:
    """Reads the callbacks in this provider's log as its dialect would."""

    def read(body: bytes) -> Operation | None:
        callback = Callback(route="", headers={}, body=body)
        try:
            fact = chosen.dialect.parse(
                Verified(callback=callback, document=None), chosen.provider
            )
        except Refused:
            return None
        return None if isinstance(fact, BalanceQuery | HistoryRecord) else fact

    return read
