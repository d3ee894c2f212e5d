"""What surrounds a conformance run: its subject, its players, and our own books behind it."""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from ledger.accepting.own_operations import SetBlocked
from ledger.players.importer import import_players, read_players
from ledger.queries.balances import balance_of
from ops.commands.wallet_orders import carry_out, fresh_key
from ops.context import Context, endpoints
from ops.providers.configured import ConfiguredProvider
from simulator.conformance.catalogue import OPENING_UNITS, PLAYERS_NEEDED
from simulator.conformance.target import ConformancePlayer, ConformanceTarget, LedgerHooks
from simulator.protocol.messages import ProviderSystem
from storage.engine import open_engine
from vocabulary.errors import Malformed, SettingsInvalid, Unavailable
from vocabulary.money import exponent_of, text_from_minor

#: Longest wait for something to listen at the URL, in seconds.
LISTENING_WAIT_S = 5.0


def subject_of(entry: ConfiguredProvider) -> ConformanceTarget:
    """A configured provider as the scenarios speak for it.

    Raises:
        SettingsInvalid: there are no scenarios for its dialect.
    """
    provider = entry.provider
    if entry.dialect.name not in set(ProviderSystem):
        known = ", ".join(ProviderSystem)
        raise SettingsInvalid(
            [f"providers.{provider.slug}: scenarios exist for the dialects {known}"]
        )
    return ConformanceTarget(
        side=ProviderSystem(entry.dialect.name),
        slug=provider.slug,
        currency=provider.currency,
        exponent=exponent_of(provider.currency, provider.exponents),
        secrets=provider.secrets,
        orphan_win_credits=entry.policy.orphan_win_credits,
        rollback_of_rollback_accepts=entry.policy.rollback_of_rollback_accepts,
        options=provider.options,
    )


def roster(subject: ConformanceTarget, seed: int) -> str:
    """A players file with one new player for each scenario."""
    opening = text_from_minor(subject.units(OPENING_UNITS), exponent_of(subject.currency))
    lines = [f"player,currency,balance,handle:{subject.slug}"]
    for number in range(PLAYERS_NEEDED):
        name = f"conformance-{subject.slug}-{seed}-{number}"
        lines.append(f"{name},{subject.currency},{opening},cfm-{seed}-{number}")
    return "\n".join(lines)


def guests_of(players: str, subject: ConformanceTarget) -> list[ConformancePlayer]:
    """A player for each scenario from a players file: the first that have enough.

    Raises:
        Malformed: the file does not hold, or names too few of them.
    """
    least = subject.units(OPENING_UNITS)
    guests = [
        ConformancePlayer(
            player=row.player,
            handle=row.handles.get(subject.slug, row.player),
            opening=row.opening.minor,
        )
        for row in read_players(io.StringIO(players))
        if row.opening.currency == subject.currency and row.opening.minor >= least
    ]
    if len(guests) < PLAYERS_NEEDED:
        wanted = f"{PLAYERS_NEEDED} players with {subject.text(least)} {subject.currency}"
        raise Malformed("players", f"at least {wanted} or more are expected")
    return guests[:PLAYERS_NEEDED]


@contextmanager
def our_books(
    context: Context, players: str, subject: ConformanceTarget
) -> Iterator[LedgerHooks]:
    """Import the players and look into the books behind the receiver.

    Raises:
        Malformed: a wallet is known already, so that its balance is not.
        Unavailable: the database is out of reach.
    """
    engine = open_engine(endpoints(context).database_url)

    def balance(player: str) -> int:
        found = balance_of(engine, player=player, currency=subject.currency)
        assert found is not None, player
        return found.balance

    def block(player: str) -> None:
        order = SetBlocked(
            key=fresh_key("block"),
            handle=player,
            currency=subject.currency,
            blocked=True,
            reason="conformance",
        )
        carry_out(context, order)

    try:
        imported = import_players(engine, read_players(io.StringIO(players)))
        if imported.known:
            raise Malformed("players", "wallets that are not known yet are expected")
        yield LedgerHooks(balance=balance, block=block)
    finally:
        engine.dispose()


def must_listen(url: str) -> None:
    """Refuse early, before players are imported, when nobody is there.

    Raises:
        Unavailable: nobody listens.
    """
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    try:
        socket.create_connection(address, timeout=LISTENING_WAIT_S).close()
    except OSError as error:
        raise Unavailable(f"no receiver listens at {url}; `tieout up` starts one") from error
