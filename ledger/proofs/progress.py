"""Finished parts of a proof in a file, so that a proof that was killed goes on where it was.

The first line says what the proof is about: its scope, the code, the ranges, and the books as
they were. Each further line is a finished part. A line begins with its digest, and what follows
a damaged one counts as missing. A proof of anything else starts over.
"""

import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from ledger.proofs.books_mark import BooksMark
from ledger.proofs.wallet_ranges import WalletRange

_DIGEST_BYTES = 16


class Finished(msgspec.Struct, frozen=True):
    """A finished part: the id of its proof, its name and its encoded result."""

    proof: str
    part: str
    result: str


class SavedProof(msgspec.Struct, frozen=True, kw_only=True):
    """What a proof is about, and the books that it saw.

    Attributes:
        about: kind, scope and version of the code.
        ranges: into which wallets were cut.
        mark: the books at that time.
        id: told apart from another proof that writes the same file.
    """

    about: dict[str, str]
    ranges: list[WalletRange]
    mark: BooksMark
    id: str = msgspec.field(default_factory=lambda: uuid4().hex)


class ProofProgress:
    """The file of one kind of proof.

    Attributes:
        resume: whether a proof goes on where a killed one was.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._proof = ""
        self.resume = resume

    def load(self, about: Mapping[str, str]) -> tuple[SavedProof, dict[str, bytes]] | None:
        """A killed proof of the same and its finished parts; None if there is none."""
        if not self.resume:
            return None
        lines = self._lines()
        try:
            saved = msgspec.json.decode(lines[0], type=SavedProof)
            parts = [msgspec.json.decode(line, type=Finished) for line in lines[1:]]
        except (IndexError, msgspec.DecodeError):
            return None
        if saved.about != about:
            return None
        return saved, {
            part.part: part.result.encode() for part in parts if part.proof == saved.id
        }

    def begin(self, saved: SavedProof, finished: Mapping[str, bytes]) -> None:
        """Replace the file: a proof begins, and has these parts already."""
        self._proof = saved.id
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new_path = self._path.with_suffix(".new")
        new_path.write_bytes(_line(saved))
        new_path.replace(self._path)
        for part, result in finished.items():
            self.save(part, result)

    def save(self, part: str, result: bytes) -> None:
        """Keep the result of a part."""
        with self._path.open("ab") as file:
            file.write(_line(Finished(self._proof, part, result.decode())))
            file.flush()
            os.fsync(file.fileno())

    def clear(self) -> None:
        """Remove the file: the proof has ended."""
        self._path.unlink(missing_ok=True)

    def _lines(self) -> list[bytes]:
        """The lines up to the first damaged one, without their digests."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        lines: list[bytes] = []
        for line in content.splitlines():
            digest, _, document = line.partition(b" ")
            if digest != _digest(document):
                break
            lines.append(document)
        return lines


def _line(document: Any) -> bytes:
    encoded = msgspec.json.encode(document)
    return _digest(encoded) + b" " + encoded + b"\n"


def _digest(document: bytes) -> bytes:
    return blake2b(document, digest_size=_DIGEST_BYTES).hexdigest().encode()
