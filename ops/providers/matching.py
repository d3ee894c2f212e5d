"""A configured provider for reconciliation: its matching rules, and how its log is read."""

from collections.abc import Mapping

import typer

from ops.providers.configured import ConfiguredProvider
from providers.contract import Callback, Verified
from reconcile.findings.delivery_log import ReadLogged
from reconcile.snapshot.rules import Rules
from vocabulary.errors import Refused
from vocabulary.facts import Operation


def provider_named(
    providers: Mapping[str, ConfiguredProvider], slug: str
) -> ConfiguredProvider:
    """The configured provider of that slug.

    Raises:
        typer.BadParameter: there is none.
    """
    if slug not in providers:
        names = ", ".join(providers) or "none is configured"
        raise typer.BadParameter(f"no provider {slug!r}; known: {names}")
    return providers[slug]


def rules_of(chosen: ConfiguredProvider) -> Rules:
    """How this provider's rows may be matched, and which differences are tolerated."""
    return Rules(
        attributes=not chosen.history.names_rounds,
        tolerance=chosen.tolerance,
    )


def reader_of(chosen: ConfiguredProvider) -> ReadLogged:
    """A reader of the callbacks in this provider's log, which asks its dialect."""

    def read(body: bytes) -> Operation | None:
        callback = Callback(route="", headers={}, body=body)
        try:
            fact = chosen.dialect.parse(
                Verified(callback=callback, document=None), chosen.provider
            )
        except Refused:
            return None
        return fact if isinstance(fact, Operation) else None

    return read
