"""A loopback object store: the part of a protocol that Arrow's client speaks, with its objects.

It knows one user and one bucket and answers others as a store does. It runs in a process of its
own: Arrow asks Google's store while it holds the interpreter's lock, so that a server in a
thread of the same process could not answer. ``s3_protocol`` and ``gcs_protocol`` are what it
speaks.
"""

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

USER, BUCKET = "tieout-test", "books"
_START_S = 30
_ENDLESS = 1 << 30


class StoredObjects(MutableMapping[str, bytes]):
    """The objects of the bucket by key, as files of a folder that both processes see."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, key: str) -> bytes:
        try:
            return self._file(key).read_bytes()
        except FileNotFoundError:
            raise KeyError(key) from None

    def __setitem__(self, key: str, content: bytes) -> None:
        self._file(key).write_bytes(content)

    def __delitem__(self, key: str) -> None:
        self._file(key).unlink()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(unquote(file.name) for file in self._folder.iterdir()))

    def __len__(self) -> int:
        return sum(1 for _ in self._folder.iterdir())

    def _file(self, key: str) -> Path:
        return self._folder / quote(key, safe="")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreProtocol:
    """How a store is named in URLs, and how it answers.

    Attributes:
        scheme: of a folder's URL.
        options: of a folder's URL, besides the address of the store.
        credentials: the variables of the environment for a user by name, of a store at a port;
            the folder is for files that they name.
    """

    scheme: str
    options: str
    request: "type[StoreRequest]"
    credentials: Callable[[str, int, Path], Mapping[str, str]]


class ObjectStore:
    """A running store.

    Attributes:
        objects: what its bucket holds.
    """

    def __init__(
        self, protocol: StoreProtocol, port: int, folder: Path, limit: "Synchronized[int]"
    ) -> None:
        self._protocol = protocol
        self._port = port
        self._folder = folder
        self._limit = limit
        self.objects = StoredObjects(folder / "objects")

    def url(self, folder: str, bucket: str = BUCKET) -> str:
        """The URL of a folder, as ``tieout archive export --to`` takes it."""
        endpoint = f"endpoint_override=127.0.0.1%3A{self._port}&scheme=http"
        return f"{self.place(folder, bucket)}?{endpoint}&{self._protocol.options}"

    def place(self, folder: str, bucket: str = BUCKET) -> str:
        """A folder as messages name it."""
        return f"{self._protocol.scheme}://{bucket}/{folder}"

    def credentials(self, user: str = USER) -> Mapping[str, str]:
        """The variables that make its client this user."""
        return self._protocol.credentials(user, self._port, self._folder)

    def cut_connections_after(self, requests: int) -> None:
        """Cut every connection after so many requests."""
        self._limit.value = requests

    def answer_all(self) -> None:
        """Cut no connection any more."""
        self._limit.value = _ENDLESS


@contextmanager
def object_store(protocol: StoreProtocol, folder: Path) -> Iterator[ObjectStore]:
    """A running store that keeps its objects in a folder."""
    (folder / "objects").mkdir()
    context = get_context("spawn")
    limit = context.Value("q", _ENDLESS)
    receiving, sending = context.Pipe(duplex=False)
    server = context.Process(
        target=_serve, args=(protocol.request, folder, limit, sending), daemon=True
    )
    server.start()
    try:
        assert receiving.poll(_START_S), "the store does not start"
        yield ObjectStore(protocol, receiving.recv(), folder, limit)
    finally:
        server.kill()
        server.join()


def _serve(
    request: "type[StoreRequest]", folder: Path, limit: "Synchronized[int]", sending: Connection
) -> None:
    server = StoreServer(request, folder, limit)
    sending.send(server.server_port)
    server.serve_forever()


class StoreServer(ThreadingHTTPServer):
    """The server in its process.

    Attributes:
        uploads: what was received of uploads that are not complete, by their ids.
    """

    daemon_threads = True

    def __init__(
        self, request: "type[StoreRequest]", folder: Path, limit: "Synchronized[int]"
    ) -> None:
        super().__init__(("127.0.0.1", 0), request)
        self.objects = StoredObjects(folder / "objects")
        self.uploads: dict[str, dict[int, bytes]] = {}
        self._limit = limit

    def is_cut(self) -> bool:
        """Count a request; whether its connection is cut."""
        with self._limit.get_lock():
            self._limit.value -= 1
            return self._limit.value < 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a client that has read enough of an object resets its connection."""


class StoreRequest(BaseHTTPRequestHandler):
    """One connection; the protocol's class answers its requests."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet
    disable_nagle_algorithm = True

    @property
    def store(self) -> StoreServer:
        assert isinstance(self.server, StoreServer)
        return self.server

    def is_cut(self) -> bool:
        """Whether the store is gone for this request; the connection then ends."""
        if self.store.is_cut():
            self.close_connection = True
            return True
        return False

    def path_parts(self) -> list[str]:
        """The parts of the path as they were sent, percent-encoded."""
        return urlsplit(self.path).path.lstrip("/").split("/")

    def query(self) -> dict[str, str]:
        """The parameters; of a repeated one the first."""
        values = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return {name: value[0] for name, value in values.items()}

    def content(self) -> bytes:
        """The body."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(read_chunks(self.rfile))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer_range(self, content: bytes) -> None:
        """Answer with an object, or with the range of it that the request names."""
        requested = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if requested is None:
            self.answer(200, content, ETag=etag(content))
            return
        first, last = int(requested[1]), int(requested[2] or len(content) - 1)
        part = content[first : last + 1]
        self.answer(206, part, ETag=etag(content))

    def answer(
        self, status: int, body: bytes = b"", *, length: int | None = None, **headers: str
    ) -> None:
        """Answer with a body; ``length`` is that of the object whose attributes are asked."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_args: object) -> None:  # noqa: A002 - its name
        """Print nothing."""


def read_chunks(file: BufferedIOBase) -> Iterator[bytes]:
    """Chunks with their sizes in hex before them, of HTTP or AWS; trailers end both."""
    while size := int(file.readline().partition(b";")[0], 16):
        yield file.read(size)
        file.readline()
    while file.readline().strip():
        pass


def etag(content: bytes) -> str:
    """The tag of an object's version."""
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'
