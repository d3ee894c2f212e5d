"""A dispute pack on real signed requests, checked by programs that are not ours."""

import json
import subprocess
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import openpyxl
import pytest

from breaks.disputes.opening import open_dispute
from providers.registry import DIALECTS
from reports.disputes.export import ExportedPack, export_dispute, pack_of
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.differences.disputed import EVENING, HOUR, DisputedBooks, disputed
from tests.harness.providers.speaker import SECRET, secret_of

NAMES = tuple(sorted(DIALECTS))


@pytest.fixture(scope="module")
def books(postgres: PostgresServer) -> Iterator[DisputedBooks]:
    """An hour of four providers; tests only add disputes, each of its own provider."""
    postgres.clone("disputed")
    books = DisputedBooks(postgres.url("disputed"))
    books.fill()
    yield books
    postgres.drop("disputed")


class OpenedPack:
    """A pack, written and unpacked as a provider unpacks it."""

    def __init__(self, pack: ExportedPack, folder: Path, dialect: str) -> None:
        self.pack = pack
        self._secret = secret_of(dialect, SECRET).decode()
        with zipfile.ZipFile(BytesIO(pack.content)) as archive:
            assert archive.testzip() is None
            archive.extractall(folder)
        (self.folder,) = folder.iterdir()
        self.document: dict[str, Any] = json.loads(self.read("dispute.json"))

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the shell in the folder, with the secret in ``SECRET``."""
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "SECRET": self._secret},
            capture_output=True,
            text=True,
            check=False,
        )

    def requests(self) -> list[dict[str, Any]]:
        return [request for line in self.document["lines"] for request in line["requests"]]

    def plain_bytes(self) -> bytes:
        """Everything that the pack holds, workbooks unpacked."""
        parts = []
        for path in sorted(self.folder.rglob("*")):
            if path.suffix == ".xlsx":
                with zipfile.ZipFile(path) as book:
                    parts += [book.read(name) for name in book.namelist()]
            elif path.is_file():
                parts.append(path.read_bytes())
        return b"\n".join(parts)


@pytest.fixture(scope="module")
def packs(
    books: DisputedBooks, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, OpenedPack]:
    """One pack of every provider."""
    engine = open_engine(books.url)
    packs = {}
    for name in NAMES:
        ids = [break_.break_id for break_ in books.breaks(name)]
        opened = open_dispute(
            engine, ids, by="maria", now=EVENING, note="June", exponents={}, named=True
        )
        pack = export_dispute(
            engine,
            opened.dispute.dispute_id,
            disputed(name),
            by="jonas",
            now=EVENING + HOUR,
        )
        packs[name] = OpenedPack(pack, tmp_path_factory.mktemp(name), name)
    engine.dispose()
    return packs


@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_what_its_schema_says(packs: dict[str, OpenedPack], name: str) -> None:
    pack = packs[name]
    schema = json.loads(pack.read("dispute.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.validate(pack.document, schema, cls=jsonschema.Draft202012Validator)
    broken = {**pack.document, "player_name": "Ann"}
    with pytest.raises(jsonschema.ValidationError, match="player_name"):
        jsonschema.validate(broken, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("name", NAMES)
def test_sha256sum_checks_every_file_but_the_document(
    packs: dict[str, OpenedPack], name: str
) -> None:
    pack = packs[name]
    listed = pack.run("sha256sum -c --strict SHA256SUMS")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    files = {
        str(path.relative_to(pack.folder)) for path in pack.folder.rglob("*") if path.is_file()
    }
    hashed = {line.split(": ")[0] for line in listed.stdout.splitlines()}

    assert files - hashed == {"dispute.json", "SHA256SUMS"}
    assert {entry["path"] for entry in pack.document["files"]} == hashed
    (digest, path) = pack.run("sha256sum SHA256SUMS").stdout.split()
    assert pack.document["hash_list"] == {
        "path": path,
        "algorithm": "sha256",
        "sha256": digest,
    }


@pytest.mark.parametrize("name", NAMES)
def test_openssl_prints_the_signature_of_every_request(
    packs: dict[str, OpenedPack], name: str
) -> None:
    pack = packs[name]
    command = pack.document["signing"]["command"]
    requests = pack.requests()
    assert len(requests) > 5
    for request in requests[:12]:
        printed = pack.run(command.replace("FILE", request["signed_text_file"]))
        signature = request["signature"]
        assert printed.stdout.split()[-1] in {signature, signature.lower()}
        stands_in = pack.read(request["headers_file"]) + pack.read(request["request_file"])
        assert request["signature"].encode() in stands_in


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_holds_nothing_of_ours_nor_of_other_providers(
    packs: dict[str, OpenedPack], books: DisputedBooks, name: str
) -> None:
    pack = packs[name]
    content = pack.plain_bytes()
    handles = {line["player"] for line in pack.document["lines"]}
    assert all(handle is not None for handle in handles)
    without_handles = content
    for handle in sorted(handles):
        without_handles = without_handles.replace(handle.encode(), b"")

    assert SECRET not in content
    assert [one for one in books.players() if one.encode() in without_handles] == []
    assert [other for other in NAMES if other != name and other.encode() in content] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_workbook_and_the_document_have_the_same_figures(
    packs: dict[str, OpenedPack], name: str
) -> None:
    pack = packs[name]
    book = openpyxl.load_workbook(pack.folder / "dispute.xlsx")
    rows = list(book["Rounds"].iter_rows(min_row=2, values_only=True))
    lines = pack.document["lines"]

    assert book.sheetnames == ["Dispute", "Rounds", "Requests"]
    assert [row[1] for row in rows] == [line["round_id"] for line in lines]
    assert [f"{row[10]:.2f}" for row in rows] == [line["difference"] for line in lines]
    assert len(list(book["Requests"].iter_rows(min_row=2))) == len(pack.requests())
    assert pack.read("dispute.pdf").startswith(b"%PDF-")


def test_the_same_content_gives_the_same_bytes(
    packs: dict[str, OpenedPack], books: DisputedBooks
) -> None:
    engine = open_engine(books.url)
    pack = packs["sportsbook"].pack
    dispute_id = packs["sportsbook"].document["dispute"]
    again = export_dispute(
        engine, dispute_id, disputed("sportsbook"), by="erin", now=EVENING + 9 * HOUR
    )
    written = pack_of(engine, dispute_id, 1)
    engine.dispose()

    assert (pack.is_new, again.is_new) == (True, False)
    assert again.content == pack.content == written.content
    assert again.export == pack.export


def test_a_secret_that_is_gone_leaves_requests_without_a_signature(
    packs: dict[str, OpenedPack], books: DisputedBooks, tmp_path: Path
) -> None:
    engine = open_engine(books.url)
    dispute_id = packs["aggregator"].document["dispute"]
    of = disputed("aggregator", secret=b"another")
    pack = export_dispute(engine, dispute_id, of, by="erin", now=EVENING + 9 * HOUR)
    engine.dispose()
    opened = OpenedPack(pack, tmp_path, "aggregator")

    assert (pack.export.number, pack.is_new) == (2, True)
    assert pack.export.due_at == packs["aggregator"].pack.export.due_at
    assert {request["signature"] for request in opened.requests()} == {None}
    assert opened.run("sha256sum -c --quiet SHA256SUMS").returncode == 0
