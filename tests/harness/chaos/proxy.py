"""A proxy before a server's Unix socket that can cut, refuse or swallow answers."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

CHUNK_BYTES = 65_536


class Proxy:
    """Passes bytes both ways; its methods inject faults at once.

    Args:
        listen: where clients connect.
        target: the server's socket.
    """

    def __init__(self, listen: Path, target: Path) -> None:
        self._listen, self._target = listen, target
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_refusing = False
        self._loses_replies = False
        self._lost_words = b""
        self._lost: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(listen))
        self._listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> int:
        """Break every connection; returns the number of sockets."""
        with self._lock:
            open_sockets = list(self._open)
        for connection in open_sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return len(open_sockets)

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse new connections and cut existing ones."""
        self._is_refusing = True
        self.cut()
        try:
            yield
        finally:
            self._is_refusing = False

    @contextlib.contextmanager
    def losing_replies(self) -> Iterator[None]:
        """Deliver requests but drop replies; cut every connection at the end."""
        self._loses_replies = True
        try:
            yield
        finally:
            self.cut()
            self._loses_replies = False

    @contextlib.contextmanager
    def losing_replies_to(self, words: bytes) -> Iterator[None]:
        """Drop what follows on a connection whose request contains these words."""
        self._lost_words = words
        try:
            yield
        finally:
            self.cut()
            self._lost_words = b""
            self._lost.clear()

    def close(self) -> None:
        """Stop listening and cut everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._listen.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
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
                if not replies and self._lost_words and self._lost_words in data:
                    self._lost.add(source)
                if not (replies and (self._loses_replies or sink in self._lost)):
                    sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
