"""Sockets on which the daemons listen."""

import socket

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
