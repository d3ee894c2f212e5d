"""Words that must not be in the repository: somebody's disk, registries, real counterparts."""

import re
from pathlib import Path

import pytest

from tests.meta.tree import ROOT, text_files

#: Written backwards, so that this file passes its own rule.
EVERYWHERE = [
    word[::-1]
    for word in (
        "/krow/",
        "/toor/",
        "/feirb/pmt/",
        "gro.ipyp",
        "gro.detsohnohtyp",
        "gro.sjmpn",
        "lru-xedni--",
        "lru-xedni-artxe",
        "ten.xtopkcaj",
        "moc.ipasgix",
        "22.341.081.931",
        "5.742.152.45",
    )
]
IN_DOCUMENTS = [word[::-1] for word in ("/pmt/", "/emoh/")]


def forbidden(text: str, words: list[str]) -> list[str]:
    """Lines that hold one of the words, with their number."""
    pattern = re.compile("|".join(re.escape(word) for word in words), re.IGNORECASE)
    lines = enumerate(text.splitlines(), start=1)
    return [f"{number}: {line.strip()[:120]}" for number, line in lines if pattern.search(line)]


def is_document(path: Path) -> bool:
    return path.suffix == ".md"


def test_no_file_names_a_disk_a_registry_or_a_real_counterpart() -> None:
    found = [
        f"{path}:{line}"
        for path in text_files()
        for line in forbidden((ROOT / path).read_text(), EVERYWHERE)
    ]

    assert found == []


def test_no_document_names_a_place_on_somebodys_machine() -> None:
    found = [
        f"{path}:{line}"
        for path in text_files()
        if is_document(path)
        for line in forbidden((ROOT / path).read_text(), IN_DOCUMENTS)
    ]

    assert found == []


@pytest.mark.parametrize("word", EVERYWHERE + IN_DOCUMENTS)
def test_a_planted_word_is_found(word: str) -> None:
    assert forbidden(f"fine\nsee {word} for more", EVERYWHERE + IN_DOCUMENTS) != []
