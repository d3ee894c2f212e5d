"""The archive of a dispute pack: one ZIP whose bytes follow from its content alone."""

import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from breaks.disputes.exports import WrittenPack
from reports.disputes.content import REQUESTS, DisputeContent, request_files
from reports.disputes.document import HASH_LIST, dispute_json, document_bytes
from reports.disputes.letter import letter
from reports.disputes.workbooks import answer_csv, answer_workbook, dispute_workbook

DOCUMENT = "dispute.json"
_SCHEMA = Path(__file__).with_name("pack.schema.json")
#: The date of every file of the archive: the first that ZIP knows.
_EPOCH = (1980, 1, 1, 0, 0, 0)
#: A plain file that everybody may read, on Unix.
_UNIX, _MODE = 3, 0o100644 << 16


def written_pack(content: DisputeContent) -> WrittenPack:
    """The pack of a dispute as an archive, with the hashes of archive and document."""
    files = _evidence(content)
    files["dispute.pdf"] = letter(content)
    files["dispute.xlsx"] = dispute_workbook(content)
    files["answer.xlsx"] = answer_workbook(content)
    files["answer.csv"] = answer_csv(content)
    files["dispute.schema.json"] = _SCHEMA.read_bytes()
    files[HASH_LIST] = hash_list(files)
    files[DOCUMENT] = document_bytes(content, files)
    archive = _zipped(content.name, files)
    return WrittenPack(
        content=archive,
        document_sha256=sha256(files[DOCUMENT]).hexdigest(),
        pack_sha256=sha256(archive).hexdigest(),
    )


def says_the_same(pack: bytes, content: DisputeContent) -> bool:
    """Whether an archive has the document and the requests of a content."""
    with zipfile.ZipFile(BytesIO(pack)) as archive:
        document = json.loads(archive.read(f"{content.name}/{DOCUMENT}"))
    requests = {
        entry["path"]: entry["sha256"]
        for entry in document.pop("files")
        if entry["path"].startswith(REQUESTS)
    }
    evidence = {path: sha256(data).hexdigest() for path, data in _evidence(content).items()}
    del document["hash_list"]
    return requests == evidence and bool(document == dispute_json(content))


def hash_list(files: Mapping[str, bytes]) -> bytes:
    """The SHA-256 of every file, as ``sha256sum -c`` reads it."""
    lines = (f"{sha256(data).hexdigest()}  {path}\n" for path, data in sorted(files.items()))
    return "".join(lines).encode()


def _evidence(content: DisputeContent) -> dict[str, bytes]:
    return dict(
        part
        for line in content.dispute.lines
        for number, request in enumerate(content.evidence[line.line].requests, start=1)
        for part in request_files(line, number, request).values()
    )


def _zipped(folder: str, files: Mapping[str, bytes]) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, data in sorted(files.items()):
            member = zipfile.ZipInfo(f"{folder}/{path}", date_time=_EPOCH)
            member.create_system = _UNIX
            member.external_attr = _MODE
            archive.writestr(member, data, compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)
    return stream.getvalue()
