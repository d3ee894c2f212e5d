"""A proxy between a Unix socket of ours and a server's, that cuts, refuses and goes deaf."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

CHUNK_BYTES = 65_536


class Proxy:
    """Passes bytes both ways until told to misbehave. Every order acts at once.

    Args:
        listen: where clients connect.
        target: the server's socket.
    """

    def __init__(self, listen: Path, target: Path) -> None:
        self._listen, self._target = listen, target
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_refusing = False
        self._is_deaf = False
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(listen))
        self._door.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> int:
        """Break every connection; returns how many sockets that were."""
        with self._lock:
            found = list(self._open)
        for one in found:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        return len(found)

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Nobody gets through, old connections are cut."""
        self._is_refusing = True
        self.cut()
        try:
            yield
        finally:
            self._is_refusing = False

    @contextlib.contextmanager
    def deaf(self) -> Iterator[None]:
        """What clients say arrives; what the server answers is lost. Then all is cut."""
        self._is_deaf = True
        try:
            yield
        finally:
            self.cut()
            self._is_deaf = False

    def close(self) -> None:
        """Stop listening and cut everything."""
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()
        self._listen.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            if self._is_refusing:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._target))
            except OSError:
                client.close()
                server.close()
                continue
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        replies = threading.Thread(
            target=self._pump, args=(server, client), kwargs={"replies": True}, daemon=True
        )
        replies.start()
        self._pump(client, server, replies=False)
        replies.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, *, replies: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                if not (replies and self._is_deaf):
                    sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
