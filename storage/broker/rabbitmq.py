"""RabbitMQ as the broker: Dramatiq's own class, made fit for long-lived senders.

Queues are durable, messages persistent. We name no queue type: queues are classic unless the
operator of the virtual host set another default.
"""

import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.common import current_millis, dq_name, q_name
from dramatiq.errors import ConnectionClosed
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPConnectionError, AMQPError, UnroutableError

SCHEMES = ("amqp://", "amqps://")
#: TLS files that the URL may name; RabbitMQ's URI specification defines them.
TLS_FILES = ("cacertfile", "certfile", "keyfile")
PORTS = {"amqp": 5672, "amqps": 5671}
#: Every error by which pika reports that the server cannot be used now.
OUTAGES = (AMQPError, AMQPConnectorException, OSError)
#: Seconds between two heartbeats of a consumer, which always reads and so never misses one.
HEARTBEAT_S = 30
#: The same for a sender, which notices a hanging server within twice that time; and how long
#: its connection may be idle before it is replaced, since an idle sender answers no heartbeats.
SENDING_HEARTBEAT_S = REST_S = 5
#: Shortest and longest pause between attempts to connect, in seconds; a failure doubles it.
PAUSE_FIRST_S, PAUSE_MOST_S = 0.2, 5.0
#: How the kernel notices that the other side is gone; seconds, the last one in milliseconds.
TCP_OPTIONS = {
    "TCP_KEEPIDLE": 30,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 10_000,
}


def connection_parameters(
    url: str, *, timeout_s: float, heartbeat_s: int
) -> "pika.ConnectionParameters":
    """The pika parameters for an AMQP URL.

    Args:
        url: ``amqp://user:password@host:port/vhost``, or ``amqps://`` for TLS. Without a path,
            or with an empty one, the virtual host is ``/``.
        timeout_s: longest wait for the server at every step, in seconds.
        heartbeat_s: seconds between two heartbeats.

    Raises:
        ValueError: the URL has an unknown parameter, or a TLS file cannot be read.
    """
    parts = urlsplit(url)
    return pika.ConnectionParameters(
        host=parts.hostname or "localhost",
        port=parts.port or PORTS[parts.scheme],
        virtual_host=unquote(parts.path.removeprefix("/")) or "/",
        credentials=pika.PlainCredentials(
            unquote(parts.username or "guest"), unquote(parts.password or "guest")
        ),
        heartbeat=heartbeat_s,
        connection_attempts=1,
        socket_timeout=timeout_s,
        stack_timeout=timeout_s,
        blocked_connection_timeout=timeout_s,
        ssl_options=_tls(parts),
        tcp_options=TCP_OPTIONS,
        client_properties={"connection_name": "tieout"},
    )


def _tls(parts: SplitResult) -> "pika.SSLOptions | None":
    files = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(files) - set(TLS_FILES))
    if unknown or (files and parts.scheme != "amqps"):
        raise ValueError(
            f"{', '.join(unknown) or 'files of TLS'}: unknown to {parts.scheme}://"
        )
    if parts.scheme != "amqps":
        return None
    try:
        context = ssl.create_default_context(cafile=files.get("cacertfile"))
        if "certfile" in files:
            context.load_cert_chain(files["certfile"], files.get("keyfile"))
    except OSError as error:
        raise ValueError(f"the TLS files of the URL: {error.strerror or error}") from error
    return pika.SSLOptions(context, server_hostname=parts.hostname)


class AmqpBroker(RabbitmqBroker):
    """Dramatiq's RabbitMQ broker whose sending ends survive idleness and outages.

    A sender may be idle for hours, and its sleeping thread answers no heartbeat. So it replaces
    its connection after every rest, before the server gives it up. The server confirms every
    message. An unconfirmed one is sent once more over a fresh connection, since the first may
    have died unnoticed; if that fails too, the caller gets an error. While the server is away,
    the pauses between attempts to connect grow, and calls during a pause fail at once.

    Args:
        url: see ``connection_parameters``.
        middleware: observers only.
        timeout_s: longest wait for the server at every step, in seconds.
        rest_s: how long a sending connection may be idle, in seconds.
    """

    def __init__(
        self,
        url: str,
        middleware: Sequence[dramatiq.Middleware],
        *,
        timeout_s: float,
        rest_s: float = REST_S,
    ) -> None:
        super().__init__(confirm_delivery=True, middleware=list(middleware))
        # Dramatiq's own log of a lost connection is enough; pika would add pages.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        self.parameters = connection_parameters(
            url, timeout_s=timeout_s, heartbeat_s=HEARTBEAT_S
        )
        self._sending = connection_parameters(
            url, timeout_s=timeout_s, heartbeat_s=SENDING_HEARTBEAT_S
        )
        self._rest_s = rest_s
        self._pause = _Pause()

    def _own_connection(self) -> Any:
        connection = getattr(self.state, "connection", None)
        if connection is None:
            connection = self.state.connection = self._connected()
            self.connections.add(connection)
        return connection

    connection = property(
        _own_connection,
        None,
        RabbitmqBroker.connection.fdel,  # type: ignore[attr-defined]
        doc="This thread's connection for sending; made when first needed.",
    )

    def _connected(self) -> "pika.BlockingConnection":
        self._pause.check()
        try:
            connection = pika.BlockingConnection(self._sending)
        except OUTAGES as error:
            self._pause.failed(reason_of(error))
            raise AMQPConnectionError(reason_of(error)) from error
        self._pause.ended()
        return connection

    def enqueue(
        self, message: "dramatiq.Message[Any]", *, delay: int | None = None
    ) -> "dramatiq.Message[Any]":
        """Send a message and have it confirmed.

        Args:
            message: names its queue; a delayed one goes to that queue's delay queue.
            delay: least time until delivery, in milliseconds.

        Raises:
            ConnectionClosed: the server did not confirm that it arrived.
        """
        if delay is not None:
            eta = {"eta": current_millis() + delay}
            message = message.copy(queue_name=dq_name(message.queue_name), options=eta)
        self._forget_rested()
        try:
            self._send(message, delay)
        except OUTAGES:
            self._send_again(message, delay)
        self.state.used_at = time.monotonic()
        return message

    def _forget_rested(self) -> None:
        """Drop a connection that has been idle."""
        connection = getattr(self.state, "connection", None)
        used_at = getattr(self.state, "used_at", 0.0)
        if connection is not None and time.monotonic() - used_at > self._rest_s:
            with contextlib.suppress(*OUTAGES):
                connection.process_data_events()  # notices if the server closed it
            del self.connection

    def _send_again(self, message: "dramatiq.Message[Any]", delay: int | None) -> None:
        del self.connection
        try:
            self._send(message, delay)
        except OUTAGES as error:
            del self.connection
            raise ConnectionClosed(reason_of(error)) from None  # type: ignore[no-untyped-call]

    def _send(self, message: "dramatiq.Message[Any]", delay: int | None) -> None:
        self.declare_queue(q_name(message.queue_name), ensure=True)
        self.emit_before("enqueue", message, delay)
        try:
            self.channel.basic_publish(
                exchange="",
                routing_key=message.queue_name,
                body=message.encode(),
                properties=pika.BasicProperties(delivery_mode=2),
                mandatory=True,
            )
        except UnroutableError:  # somebody deleted the queue: declare it again
            self.queues_pending.add(q_name(message.queue_name))
            raise
        self.emit_after("enqueue", message, delay)


class _Pause:
    """The pause between attempts to connect; all threads of a broker share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._length_s = 0.0
        self._until = 0.0
        self._reason = ""

    def check(self) -> None:
        """Fail at once while it is too early for another attempt.

        Raises:
            AMQPConnectionError: the pause is not over; the message is the last failure's.
        """
        if time.monotonic() < self._until:
            raise AMQPConnectionError(self._reason)

    def failed(self, reason: str) -> None:
        """Note a failed attempt: the next pause is longer."""
        with self._lock:
            self._reason = reason
            self._length_s = min(max(2 * self._length_s, PAUSE_FIRST_S), PAUSE_MOST_S)
            self._until = time.monotonic() + self._length_s

    def ended(self) -> None:
        """Note a successful attempt."""
        with self._lock:
            self._length_s = 0.0


def reason_of(error: BaseException) -> str:
    """Why the connection failed, in one line that never holds the URL."""
    inner = error.args[0] if error.args else None
    cause = getattr(inner, "exception", None) or error
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return " ".join((str(cause) or repr(cause)).split())
