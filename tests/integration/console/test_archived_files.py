"""The page of a statement file whose bytes left for an archive, within reach and out of it."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.archive.files import ArchiveFolder
from storage.archive.manifest import NAME, ArchiveFile, Manifest, hash_of, manifest_bytes
from tests.harness.books.console import ConsoleBooks
from tests.harness.books.things import FILE, FILE_ID, things
from tests.harness.servers.console import ConsoleSite, PageClient
from tests.harness.tampering.replay import tamper

__all__ = ["things"]

SUPPLEMENT = "arc-2020-06/supplement-1"
PARTS = "feed_file_parts"
LEFT = (
    """
INSERT INTO archives (archive_id, month, location, manifest_hash, rows, bytes, exported_by)
VALUES ('arc-2020-06', '2020-06-01', '{place}', repeat('0', 64), 1, 1, 'maria')
""",
    """
INSERT INTO archive_supplements (archive_id, number, manifest_hash, rows, bytes)
VALUES ('arc-2020-06', 1, '{manifest}', 1, 1)
""",
    """
INSERT INTO archived_files (file_id, archive_id, number) VALUES ({file}, 'arc-2020-06', 1)
""",
    "DELETE FROM feed_file_parts WHERE file_id = {file}",
)


@pytest.fixture
def supplement(tmp_path: Path) -> ArchiveFolder:
    """The folder of a supplement that has the only part of the file."""
    folder = ArchiveFolder(str(tmp_path), SUPPLEMENT)
    rows = pa.table({"file_id": [FILE_ID], "part": [0], "bytes": [FILE]})
    stream = folder.create(f"{PARTS}.parquet")
    pq.write_table(rows, stream)
    stream.close()
    size, digest = folder.hash(f"{PARTS}.parquet")
    file = ArchiveFile(
        path=f"{PARTS}.parquet", table=PARTS, day=None, rows=1, bytes=size, sha256=digest
    )
    manifest = Manifest(
        archive=SUPPLEMENT, month=date(2020, 6, 1), schema="0139", days=[], files=[file]
    )
    folder.write(NAME, manifest_bytes(manifest))
    return folder


@pytest.fixture
def maria(
    site: ConsoleSite, things: ConsoleBooks, supplement: ArchiveFolder, tmp_path: Path
) -> PageClient:
    """Somebody at the console, once the bytes of the file left."""
    manifest = hash_of(supplement.read(NAME))
    for statement in LEFT:
        values = {"place": tmp_path, "manifest": manifest, "file": FILE_ID}
        tamper(things.books.url, statement.format(**values))
    return site.browser_of("maria")


def test_a_file_that_left_shows_its_archive_and_its_bytes_while_that_is_within_reach(
    maria: PageClient, supplement: ArchiveFolder, tmp_path: Path
) -> None:
    page = maria.get(f"/files/{FILE_ID}")
    content = maria.get(f"/files/{FILE_ID}/content")

    assert f"Its bytes left the database for {SUPPLEMENT}" in page.shown()
    assert "2;\\xff\\x07" in page.shown()
    assert content.content == FILE

    (tmp_path / SUPPLEMENT / NAME).unlink()
    page = maria.get(f"/files/{FILE_ID}")
    refused = maria.get(f"/files/{FILE_ID}/content")

    assert page.status == 200
    assert f"{SUPPLEMENT} cannot be read" in page.shown()
    assert "imported in part: 2 records read, 1 line refused." in page.shown()
    assert refused.status == 503
    assert f"{SUPPLEMENT} cannot be read" in refused.shown()
