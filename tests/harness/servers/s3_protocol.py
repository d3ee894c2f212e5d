"""What Arrow's client asks of an object store with the S3 protocol."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

from tests.harness.servers.object_store import (
    BUCKET,
    USER,
    StoreProtocol,
    StoreRequest,
    etag,
    read_chunks,
)

_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_UPLOAD = "1"


class S3Request(StoreRequest):
    """Requests are signed with an access key: 403 to another one, 404 to another bucket."""

    def do_HEAD(self) -> None:
        """A bucket's or an object's attributes."""
        if not self._admits():
            return
        key = self._key()
        content = self.store.objects.get(key, b"")
        if key and key not in self.store.objects:
            self.answer(404)
        else:
            self.answer(200, length=len(content), ETag=etag(content))

    def do_GET(self) -> None:
        """An object or a range of it, or the keys below a prefix."""
        if not self._admits():
            return
        key, query = self._key(), self.query()
        if "list-type" in query:
            self.answer(200, self._listed(query.get("prefix", "")))
        elif key in self.store.objects:
            self.answer_range(self.store.objects[key])
        else:
            self.answer(404)

    def do_PUT(self) -> None:
        """A whole object, or one part of it."""
        content = self.content()
        if not self._admits():
            return
        part = self.query().get("partNumber")
        if part:
            self.store.uploads[_UPLOAD][int(part)] = content
        else:
            self.store.objects[self._key()] = content
        self.answer(200, ETag=etag(content))

    def do_POST(self) -> None:
        """Begin or complete an upload in parts."""
        self.content()
        if not self._admits():
            return
        if "uploads" in self.query():
            self.store.uploads[_UPLOAD] = {}
            name = "InitiateMultipartUploadResult"
            body = f"<{name}><UploadId>{_UPLOAD}</UploadId></{name}>"
        else:
            parts = self.store.uploads.pop(_UPLOAD)
            self.store.objects[self._key()] = b"".join(parts[n] for n in sorted(parts))
            name = "CompleteMultipartUploadResult"
            body = f"<{name}><ETag>1</ETag></{name}>"
        self.answer(200, (_XML + body).encode())

    def content(self) -> bytes:
        """The body; an upload comes in chunks of HTTP that hold chunks of AWS."""
        content = super().content()
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return content
        return b"".join(read_chunks(BytesIO(content)))

    def _listed(self, prefix: str) -> bytes:
        objects = self.store.objects
        sizes = {key: len(objects[key]) for key in objects if key.startswith(prefix)}
        contents = "".join(
            f"<Contents><Key>{key}</Key><Size>{size}</Size></Contents>"
            for key, size in sizes.items()
        )
        head = f"<KeyCount>{len(sizes)}</KeyCount><IsTruncated>false</IsTruncated>"
        return f"{_XML}<ListBucketResult>{head}{contents}</ListBucketResult>".encode()

    def _admits(self) -> bool:
        """Whether the request is of the one user and bucket; else it is answered."""
        if self.is_cut():
            return False
        if f"Credential={USER}/" not in self.headers.get("Authorization", ""):
            self.answer(403)
            return False
        if self.path_parts()[0] != BUCKET:
            self._refuse_bucket()
            return False
        return True

    def _refuse_bucket(self) -> None:
        error = "<Code>NoSuchBucket</Code><Message>The bucket does not exist</Message>"
        body = f"{_XML}<Error>{error}</Error>".encode()
        if self.command == "HEAD":
            self.answer(404)
        else:
            self.answer(404, body)

    def _key(self) -> str:
        return unquote("/".join(self.path_parts()[1:]))


def _credentials(user: str, _port: int, _folder: Path) -> Mapping[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": user,
        "AWS_SECRET_ACCESS_KEY": "not a secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


S3 = StoreProtocol(
    scheme="s3", options="region=eu-central-1", request=S3Request, credentials=_credentials
)
