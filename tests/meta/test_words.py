"""Words that must not be in the repository: somebody's disk, registries, real counterparts."""

import re
from pathlib import Path

import pytest

from tests.meta.tree import ROOT, modules, packages, text_files

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
#: Nouns that a text counts through ``vocabulary.plurals``, so that one of them is no plural.
COUNTED = re.compile(
    r"\{(?!counted\(|plural\()[a-z][^{}]*\} (?:[a-z]+ )?"
    r"(?:answers|batches|breaks|checks|days|deliveries|entries|errors|files|findings|gaps|items"
    r"|journals|lines|messages|operations|records|rounds|rows|values|versions|wallets)\b"
)
#: What looks like a count of ours and is none: a verb, a name, or what a file states.
NOT_COUNTS = {
    *("{urlsplit(address).netloc} answers", "{verb} findings", "{verb} for answers"),
    *("{name} than operations", "{slug} statement lines", "{stated} operations"),
    "{self._failed_in_a_row} batches",  # never one
}
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


def test_every_count_in_a_text_takes_its_noun_from_one_function() -> None:
    found = [
        f"{path}:{number}: {match[0]}"
        for path in modules(*packages())
        for number, line in enumerate((ROOT / path).read_text().splitlines(), start=1)
        for match in COUNTED.finditer(line)
        if match[0] not in NOT_COUNTS
    ]

    assert found == []
    assert COUNTED.search('f"{count} breaks were expected"')
