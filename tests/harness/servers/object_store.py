"""A loopback object store: the part of the S3 protocol that Arrow's client speaks, in memory.

It answers requests that are signed with one access key and knows one bucket, as a store does:
403 to another key, 404 to another bucket.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase, BytesIO
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

ACCESS_KEY, SECRET_KEY, BUCKET = "tieout-test", "not a secret", "books"
_XML = '<?xml version="1.0" encoding="UTF-8"?>'


class ObjectStore(ThreadingHTTPServer):
    """The server and its objects, by key.

    Attributes:
        requests_left: after so many requests every connection is cut; None: never.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.parts: dict[int, bytes] = {}
        self.requests_left: int | None = None

    def url(self, folder: str, bucket: str = BUCKET) -> str:
        """The URL of a folder, as ``tieout archive export --to`` takes it."""
        endpoint = f"127.0.0.1%3A{self.server_port}"
        options = f"endpoint_override={endpoint}&scheme=http&region=eu-central-1"
        return f"s3://{bucket}/{folder}?{options}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that give its client the credentials."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A running store."""
    store = ObjectStore()
    thread = Thread(target=store.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield store
    finally:
        store.shutdown()
        store.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet
    disable_nagle_algorithm = True

    @property
    def _store(self) -> ObjectStore:
        assert isinstance(self.server, ObjectStore)
        return self.server

    def do_HEAD(self) -> None:
        """A bucket's or an object's attributes."""
        self._answer_object(with_body=False)

    def do_GET(self) -> None:
        """An object or a range of it, or the keys below a prefix."""
        self._answer_object(with_body=True)

    def do_PUT(self) -> None:
        """A whole object, or one part of it."""
        content = self._content()
        if not self._admits():
            return
        part = self._query().get("partNumber")
        if part:
            self._store.parts[int(part[0])] = content
        else:
            self._store.objects[self._key()] = content
        self._answer(200, etag=_etag(content))

    def do_POST(self) -> None:
        """Begin or complete an upload in parts."""
        self._content()
        if not self._admits():
            return
        if "uploads" in self._query():
            self._store.parts.clear()
            name = "InitiateMultipartUploadResult"
            body = f"<{name}><UploadId>1</UploadId></{name}>"
        else:
            parts = self._store.parts
            self._store.objects[self._key()] = b"".join(parts[n] for n in sorted(parts))
            name = "CompleteMultipartUploadResult"
            body = f"<{name}><ETag>1</ETag></{name}>"
        self._answer(200, (_XML + body).encode())

    def _answer_object(self, *, with_body: bool) -> None:
        if not self._admits():
            return
        key, query = self._key(), self._query()
        if "list-type" in query:
            self._answer(200, self._listed(query.get("prefix", [""])[0]))
            return
        if not key:
            self._answer(200)
            return
        content = self._store.objects.get(key)
        if content is None:
            self._answer(404)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = content[int(asked[1]) : int(asked[2]) + 1] if asked else content
        length = None if with_body else len(content)
        status = 206 if asked else 200
        self._answer(status, part if with_body else b"", etag=_etag(content), length=length)

    def _listed(self, prefix: str) -> bytes:
        keys = [key for key in sorted(self._store.objects) if key.startswith(prefix)]
        contents = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(self._store.objects[key])}</Size></Contents>"
            for key in keys
        )
        head = f"<KeyCount>{len(keys)}</KeyCount><IsTruncated>false</IsTruncated>"
        return f"{_XML}<ListBucketResult>{head}{contents}</ListBucketResult>".encode()

    def _admits(self) -> bool:
        """Whether the request is of the one user and bucket; else it is answered."""
        if self._store.requests_left is not None:
            self._store.requests_left -= 1
            if self._store.requests_left < 0:
                self.close_connection = True
                return False
        if f"Credential={ACCESS_KEY}/" not in self.headers.get("Authorization", ""):
            self._answer(403)
            return False
        if self._path()[0] != BUCKET:
            self._answer(404)
            return False
        return True

    def _path(self) -> tuple[str, str]:
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        return bucket, key

    def _key(self) -> str:
        return self._path()[1]

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    def _content(self) -> bytes:
        """The body; an upload comes in chunks of HTTP that hold chunks of AWS."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b"".join(_chunks(self.rfile))
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return content
        return b"".join(_chunks(BytesIO(content)))

    def _answer(
        self, status: int, body: bytes = b"", *, etag: str = "", length: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_args: object) -> None:  # noqa: A002 - its name
        """Print nothing."""


def _chunks(file: BufferedIOBase) -> Iterator[bytes]:
    """Chunks with their sizes in hex before them; trailers end both kinds."""
    while size := int(file.readline().partition(b";")[0], 16):
        yield file.read(size)
        file.readline()
    while file.readline().strip():
        pass


def _etag(content: bytes) -> str:
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'
