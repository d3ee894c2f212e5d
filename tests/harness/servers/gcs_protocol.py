"""What Arrow's client asks of Google Cloud Storage: its JSON protocol, and tokens of access."""

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

from tests.harness.servers.object_store import BUCKET, USER, StoreProtocol, StoreRequest

_MADE_AT = "2026-01-01T00:00:00Z"


class GcsRequest(StoreRequest):
    """Requests carry a token: 403 to another user's, 404 to another bucket.

    The user may work on objects and not look at the bucket itself, which is what the role
    *Storage Object Admin* grants.
    """

    def do_GET(self) -> None:
        """An object's attributes or a range of it, or the objects below a prefix."""
        match self._admitted():
            case ["storage", "v1", "b", _, "o"]:
                self._answer_list(self.query().get("prefix", ""))
            case ["storage", "v1", "b", _, "o", name]:
                self._answer_object(unquote(name))
            case ["storage", "v1", "b", _]:
                self._refuse(403, f"{USER} does not have storage.buckets.get access")
            case [_, *_]:
                self._refuse(404, "Not Found")
            case _:
                pass

    def do_POST(self) -> None:
        """Give a token, begin an upload in parts, or take a small object at once."""
        content = self.content()
        if self.path == "/token":
            self._answer_token(content)
            return
        if not self._admitted():
            return
        query = self.query()
        if query["uploadType"] == "resumable":
            self.store.uploads[query["name"]] = {}
            address = f"http://{self.headers['Host']}/upload/storage/v1/b/{BUCKET}/o"
            self.answer(200, Location=f"{address}?upload_id={quote(query['name'], safe='')}")
        else:
            boundary = self.headers["Content-Type"].partition("boundary=")[2].encode()
            media = content.split(b"--" + boundary)[2].partition(b"\r\n\r\n")[2]
            self.store.objects[query["name"]] = media.removesuffix(b"\r\n")
            self._answer_attributes(query["name"])

    def do_PUT(self) -> None:
        """The next bytes of an upload; the last ones say how many there are."""
        content = self.content()
        if not self._admitted():
            return
        name = self.query()["upload_id"]
        parts = self.store.uploads[name]
        parts[len(parts)] = content
        if self.headers["Content-Range"].endswith("/*"):
            received = sum(map(len, parts.values()))
            self.answer(308, Range=f"bytes=0-{received - 1}")
        else:
            self.store.objects[name] = b"".join(parts.values())
            self._answer_attributes(name)

    def _admitted(self) -> list[str]:
        """The path of a request of the one user in the one bucket; empty: it is answered."""
        if self.is_cut():
            return []
        path = self.path_parts()
        if self.headers.get("Authorization") != f"Bearer {_token(USER)}":
            self._refuse(403, "The caller does not have storage.objects access")
        elif path[-path[::-1].index("b")] != BUCKET:
            self._refuse(404, "The specified bucket does not exist.")
        else:
            return path
        return []

    def _answer_token(self, content: bytes) -> None:
        """A token for whoever has this refresh token."""
        user = parse_qs(content.decode())["refresh_token"][0]
        token = {"access_token": _token(user), "token_type": "Bearer", "expires_in": 3600}
        self._answer_json(200, {**token, "scope": "storage", "id_token": ""})

    def _answer_object(self, name: str) -> None:
        if name not in self.store.objects:
            self._refuse(404, f"No such object: {BUCKET}/{name}")
        elif self.query().get("alt") == "media":
            self.answer_range(self.store.objects[name])
        else:
            self._answer_attributes(name)

    def _answer_list(self, prefix: str) -> None:
        names = [name for name in self.store.objects if name.startswith(prefix)]
        items = [self._attributes(name) for name in names]
        self._answer_json(200, {"kind": "storage#objects", "items": items})

    def _answer_attributes(self, name: str) -> None:
        self._answer_json(200, self._attributes(name))

    def _attributes(self, name: str) -> dict[str, object]:
        return {
            "kind": "storage#object",
            "bucket": BUCKET,
            "name": name,
            "size": str(len(self.store.objects[name])),
            "generation": "1",
            "metageneration": "1",
            "timeCreated": _MADE_AT,
            "updated": _MADE_AT,
        }

    def _refuse(self, status: int, message: str) -> None:
        self._answer_json(status, {"error": {"code": status, "message": message}})

    def _answer_json(self, status: int, document: Mapping[str, object]) -> None:
        self.answer(status, json.dumps(document).encode())


def _token(user: str) -> str:
    return f"token-of-{user}"


def _credentials(user: str, port: int, folder: Path) -> Mapping[str, str]:
    """A file as ``gcloud auth application-default login`` writes it."""
    credentials = {
        "type": "authorized_user",
        "client_id": "tieout",
        "client_secret": "not a secret",
        "refresh_token": user,
        "token_uri": f"http://127.0.0.1:{port}/token",
    }
    file = folder / f"{user}.json"
    file.write_text(json.dumps(credentials))
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}


# What is not there is tried again for a second, so that tests do not wait longer.
GCS = StoreProtocol(
    scheme="gs", options="retry_limit_seconds=1", request=GcsRequest, credentials=_credentials
)
