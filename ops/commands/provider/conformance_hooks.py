"""The target and the players of a conformance run, and the ledger behind the receiver."""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from ledger.accepting.own_operations import SetBlocked
from ledger.enums import OWN_SLUG
from ledger.players.importer import import_players, read_players
from ledger.queries.balances import balance_of
from ops.commands.wallet_orders import carry_out, fresh_key, record_order
from ops.context import Context, endpoints
from ops.providers.configured import ConfiguredProvider
from ops.providers.simulated import configuration_of
from simulator.conformance.catalogue import OPENING_UNITS, PLAYERS_NEEDED
from simulator.conformance.target import ConformancePlayer, ConformanceTarget, LedgerHooks
from simulator.systems.registry import SYSTEMS
from storage.engine import open_engine
from vocabulary.errors import Malformed, SettingsInvalid, Unavailable

#: Longest wait for something to listen at the URL, in seconds.
LISTENING_WAIT_S = 5.0


def target_of(entry: ConfiguredProvider) -> ConformanceTarget:
    """The target that plays the role of a configured provider.

    Raises:
        SettingsInvalid: there are no scenarios for its dialect.
    """
    system = SYSTEMS.get(entry.dialect.name)
    if system is None:
        dialects = ", ".join(SYSTEMS)
        raise SettingsInvalid(
            [f"providers.{entry.provider.slug}: scenarios exist for the dialects {dialects}"]
        )
    configuration = configuration_of(entry)
    return ConformanceTarget(
        slug=configuration.slug,
        currency=configuration.currency,
        exponent=configuration.exponent,
        secrets=configuration.secrets,
        options=configuration.options,
        system=system,
        orphan_win_credits=entry.policy.orphan_win_credits,
        rollback_of_rollback_accepts=entry.policy.rollback_of_rollback_accepts,
    )


def roster(target: ConformanceTarget, seed: int) -> str:
    """A players file with one new player for each scenario."""
    opening = target.text(target.units(OPENING_UNITS))
    lines = [f"player,currency,balance,handle:{target.slug}"]
    for number in range(PLAYERS_NEEDED):
        name = f"conformance-{target.slug}-{seed}-{number}"
        lines.append(f"{name},{target.currency},{opening},cfm-{seed}-{number}")
    return "\n".join(lines)


def players_of(players: str, target: ConformanceTarget) -> list[ConformancePlayer]:
    """The first players of a file that have enough money, one for each scenario.

    Raises:
        Malformed: the file is invalid, or has too few such players.
    """
    least = target.units(OPENING_UNITS)
    listed = [
        ConformancePlayer(
            player=row.player,
            handle=row.handles.get(target.slug, row.player),
            opening=row.opening.minor,
        )
        for row in read_players(io.StringIO(players), {target.currency: target.exponent})
        if row.opening.currency == target.currency and row.opening.minor >= least
    ]
    if len(listed) < PLAYERS_NEEDED:
        wanted = f"{PLAYERS_NEEDED} players with {target.text(least)} {target.currency}"
        raise Malformed("players", f"at least {wanted} are expected")
    return listed[:PLAYERS_NEEDED]


@contextmanager
def our_ledger(
    context: Context, players: str, target: ConformanceTarget
) -> Iterator[LedgerHooks]:
    """Import the players and open the ledger behind the receiver.

    Raises:
        Malformed: a wallet exists already, so that its opening balance was not set.
        Unavailable: the database is out of reach.
    """
    engine = open_engine(endpoints(context).database_url)

    def balance(player: str) -> int:
        wallet = balance_of(engine, player=player, currency=target.currency)
        assert wallet is not None, player
        return wallet.balance

    def block(player: str) -> None:
        order = SetBlocked(
            key=fresh_key("block"),
            handle=player,
            currency=target.currency,
            blocked=True,
            reason="conformance",
        )
        record_order(engine, order, target.currency, by=OWN_SLUG)
        carry_out(context, order)

    try:
        imported = import_players(
            engine, read_players(io.StringIO(players), {target.currency: target.exponent})
        )
        if imported.known:
            raise Malformed("players", "wallets that are not known yet are expected")
        yield LedgerHooks(balance=balance, block=block)
    finally:
        engine.dispose()


def require_receiver(url: str) -> None:
    """Check, before players are imported, that a receiver listens.

    Raises:
        Unavailable: nothing listens at the URL.
    """
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    try:
        socket.create_connection(address, timeout=LISTENING_WAIT_S).close()
    except OSError as error:
        raise Unavailable(f"no receiver listens at {url}; `tieout up` starts one") from error
