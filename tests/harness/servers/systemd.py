"""The receiving end of what services tell systemd."""

import socket


class Systemd:
    """The receiving end of ``NOTIFY_SOCKET``."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def states(self) -> list[str]:
        """What has arrived since the last time."""
        states = []
        while True:
            try:
                states.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return states

    def close(self) -> None:
        self._socket.close()
