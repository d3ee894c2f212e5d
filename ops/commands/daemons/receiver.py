"""``tieout receiver``: answer the providers' callbacks until SIGTERM."""

import os
import socket
from functools import partial
from typing import Annotated

import structlog
import typer
import uvloop

from ops.context import Context, context_of, endpoints
from ops.engines.database_checks import require_database
from ops.engines.role_urls import receiver_url
from ops.engines.servers import Endpoints
from ops.garbage import OF_RECEIVER, skip_loaded
from ops.providers.configured import configured
from ops.runtime import fault_signals, logs
from ops.runtime.listening import first_free_socket, listening_socket
from ops.runtime.service_manager import ServiceManager, show_life_of
from ops.settings.loader import load
from storage.broker.redis import open_broker
from storage.engine import open_accept_connection
from vocabulary.clock import SystemClock
from webhooks.app import Receiver
from webhooks.config import ProviderEndpoint, ReceiverConfig

log = structlog.get_logger()


def receiver(
    ctx: typer.Context,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; others may share it.")] = None,
) -> None:
    """Answer the providers' callbacks; several receivers may share one port."""
    context = context_of(ctx)
    listen = listening_socket(
        host or context.settings.receiver.host,
        context.settings.receiver.port if port is None else port,
    )
    serve(context, endpoints(context), listen)


def serve(context: Context, engines: Endpoints, listen: socket.socket) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT."""
    logs.configure(role="receiver")
    fault_signals.install(context.settings, os.environ)
    database_url = receiver_url(context.settings, engines.database_url)
    require_database(database_url, context.settings.mode)
    settings = context.settings.receiver
    side = (
        None
        if settings.ops_port is None
        else first_free_socket(settings.ops_host or settings.host, settings.ops_port)
    )
    if side is not None:
        log.info("ops_port_bound", port=side.getsockname()[1])
    manager = ServiceManager(os.environ)
    timeout_s = settings.commit_timeout.total_seconds()
    process = Receiver(
        receiver_config(context),
        connect=lambda: open_accept_connection(database_url, statement_timeout_s=timeout_s),
        broker=open_broker(engines.broker_url, []),
        clock=SystemClock(),
        reload=partial(_reloaded, context),
        on_started=manager.alive,
    )
    logs.obey_level_signals()
    skip_loaded(OF_RECEIVER)
    uvloop.run(show_life_of(process.serve(listen, side), manager))


def _reloaded(context: Context) -> ReceiverConfig:
    """The configuration by the settings as they are now.

    Raises:
        SettingsInvalid: they do not hold.
    """
    settings = load(context.config, os.environ)
    again = Context(config=context.config, data_dir=context.data_dir, settings=settings)
    return receiver_config(again)


def receiver_config(context: Context) -> ReceiverConfig:
    """Build the receiver's configuration from the settings."""
    settings = context.settings.receiver
    endpoints = {
        slug: ProviderEndpoint(
            dialect=entry.dialect,
            provider=entry.provider,
            policy=entry.policy,
            secret_references=entry.secret_references,
            allow=entry.allow,
        )
        for slug, entry in configured(context.settings).items()
    }
    return ReceiverConfig(
        endpoints=endpoints,
        trusted_proxies=settings.trusted_proxies,
        body_bytes_max=settings.body_bytes_max,
        read_timeout_s=settings.read_timeout.total_seconds(),
        idle_timeout_s=settings.idle_timeout.total_seconds(),
        commit_timeout_s=settings.commit_timeout.total_seconds(),
        commit_spacing_s=settings.commit_spacing.total_seconds(),
        queue_max=settings.queue_max,
        clock_off_max_s=settings.clock_off_max.total_seconds(),
        drain_delay_s=settings.drain_delay.total_seconds(),
        drain_timeout_s=settings.drain_timeout.total_seconds(),
        metrics_here=settings.ops_port is None,
    )
