"""Sockets on which the daemons listen."""

import errno
import socket

from ops.settings.receiver_urls import OPS_PORTS
from vocabulary.errors import Unavailable


def listening_socket(host: str, port: int, *, shared: bool = True) -> socket.socket:
    """A bound socket; ``shared``: other processes of ours may bind the same port.

    Raises:
        Unavailable: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listen = socket.socket(family, socket.SOCK_STREAM)
    listen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listen.bind((host, port))
    except OSError as error:
        listen.close()
        raise Unavailable(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listen


def first_free_socket(host: str, port: int) -> socket.socket:
    """A listening socket on the first of ``OPS_PORTS`` ports that no other process has.

    Processes with one settings file so have a port each: a port that several share would answer
    with the figures of any of them. Port 0 is any free port.

    Raises:
        Unavailable: all are taken, or the address cannot be listened on.
    """
    for candidate in range(port, min(port + OPS_PORTS, 65_536)):
        try:
            listen = listening_socket(host, candidate, shared=False)
        except Unavailable as error:
            cause = error.__cause__
            if not isinstance(cause, OSError) or cause.errno != errno.EADDRINUSE:
                raise
            continue
        try:
            listen.listen()  # two processes may bind a port until one of them listens
        except OSError:
            listen.close()
            continue
        return listen
    raise Unavailable(
        f"cannot listen on {host}: the ports {port} to {port + OPS_PORTS - 1} are taken"
    )
