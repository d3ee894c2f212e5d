"""Files in forms: streamed to a folder of the request, bounded, and only where they belong."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from console.config import Visit
from console.gate import Route
from console.replies import FileDownload, Reply
from console.routes import ROUTES
from ops.commands.daemons.console import open_console
from tests.harness.books.console import ConsoleBooks
from tests.harness.servers.console import (
    BOUNDARY,
    ConsoleSite,
    PageClient,
    multipart,
    serving,
)
from tests.harness.servers.console import Reply as Answer
from vocabulary.people import Right

LIMIT = 300_000


def echo(visit: Visit) -> Reply:
    """Tell what arrived, and where it was."""
    lines = [
        f"{file.field} {file.name} {file.size} {file.sha256} {file.path}"
        for file in visit.files
    ]
    assert all(len(file.read()) == file.size for file in visit.files)
    content = "\n".join([visit.form.get("note", ""), *lines]).encode()
    return FileDownload(name="echo.txt", content_type="text/plain", content=content)


UPLOAD = Route(
    method="POST", path="/upload", right=Right.WORK_BREAKS, handler=echo, takes_files=True
)
PLAIN = Route(method="POST", path="/plain", right=Right.READ, handler=echo)


@pytest.fixture(scope="module")
def upload_site(console_books: ConsoleBooks) -> Iterator[ConsoleSite]:
    """A console with one address that takes files and one that does not."""
    made = open_console(console_books.context)
    limited = replace(made, config=replace(made.config, upload_bytes_max=LIMIT))
    with serving(limited, (*ROUTES, UPLOAD, PLAIN)) as running:
        yield running


def parts(fields: Mapping[str, str], *files: tuple[str, bytes]) -> bytes:
    """A form with files of the field ``statement``."""
    return multipart(fields, *(("statement", name, content) for name, content in files))


def send(client: PageClient, path: str, body: bytes) -> Answer:
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return client.send("POST", path, body=body, headers=kind)


def left_behind() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("tieout-upload-*"))


@pytest.fixture(scope="module")
def maria(upload_site: ConsoleSite) -> PageClient:
    return upload_site.browser_of("maria")


@pytest.fixture
def token(maria: PageClient) -> str:
    return maria.get("/").field("form_token")


def test_a_form_with_files_reaches_its_page_and_leaves_nothing_behind(
    maria: PageClient, token: str
) -> None:
    content = b"\x00\r\n--x\xff" * 20_000
    body = parts(
        {"form_token": token, "note": "täglich"},
        ("C:/feeds/a\u202eb.csv", content),
        ("", b""),
        ("../../etc/passwd", b""),
    )
    reply = send(maria, "/upload", body)
    note, first, second = reply.text.splitlines()
    digest = hashlib.sha256(content).hexdigest()

    assert reply.status == 200
    assert note == "täglich"
    assert first.startswith(f"statement ab.csv {len(content)} {digest} /")
    assert second.split()[1:3] == ["passwd", "0"]
    assert not Path(first.split()[-1]).exists()
    assert left_behind() == set()


def test_more_than_the_limit_is_413_and_nothing_is_kept(maria: PageClient, token: str) -> None:
    fields = {"form_token": token}
    whole = send(maria, "/upload", parts(fields, ("a", b"x" * (LIMIT + 200_000))))
    slightly = send(maria, "/upload", parts(fields, ("a", b"x" * LIMIT), ("b", b"x")))
    text_ = send(maria, "/upload", parts({**fields, "note": "x" * 70_000}))

    assert [whole.status, slightly.status, text_.status] == [413, 413, 413]
    assert "293 KiB are expected. Nothing was done. Nothing was stored." in slightly.shown()
    assert "64 KiB are expected" in text_.shown()
    assert left_behind() == set()
    assert send(maria, "/upload", parts(fields, ("a", b"x" * LIMIT))).status == 200


def test_files_of_nobody_of_the_wrong_person_or_a_stale_form_are_not_read(
    upload_site: ConsoleSite, maria: PageClient, token: str
) -> None:
    viewer = upload_site.browser_of("only viewer")
    viewers = viewer.get("/").field("form_token")
    statement = ("a.csv", b"1")
    stranger = send(upload_site.browser(), "/upload", parts({"form_token": token}, statement))
    refused = send(viewer, "/upload", parts({"form_token": viewers}, statement))
    stale = send(maria, "/upload", parts({"form_token": viewers}, statement))
    late = send(
        maria,
        "/upload",
        parts({}, statement)[: -len(BOUNDARY) - 6] + parts({"form_token": token}),
    )

    assert (stranger.status, stranger.location) == (303, "/login")
    assert [refused.status, stale.status, late.status] == [403, 403, 403]
    assert left_behind() == set()


def test_an_address_that_takes_no_files_refuses_them_and_broken_forms(
    maria: PageClient, token: str
) -> None:
    fields = {"form_token": token}
    plain = send(maria, "/plain", parts(fields, ("a.csv", b"1")))
    many = send(maria, "/upload", parts(fields, *[(f"{n}", b"") for n in range(30)]))
    broken = send(maria, "/upload", b"nothing of a form")
    headed = send(maria, "/upload", parts(fields, ("a\x01.csv", b"")))
    fine = send(maria, "/plain", parts({**fields, "note": "text"}))

    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=unicode_escape"}
    halves = maria.send("POST", "/plain", body="note=\\ud800", headers=kind)

    assert [reply.status for reply in (plain, many, broken, headed)] == [400, 400, 400, 400]
    assert halves.status == 400
    assert "A form takes at most 20 files." in many.shown()
    assert (fine.status, fine.text) == (200, "text")
    assert left_behind() == set()


def test_a_form_has_a_box_for_each_of_many_providers(maria: PageClient, token: str) -> None:
    boxes = {f"provider.p{number}": "a" * 64 for number in range(300)}

    sent = maria.post("/plain", {"form_token": token, "note": "text", **boxes})

    assert (sent.status, sent.text) == (200, "text")
