"""What a text may name: parse it into candidates, the likeliest first. Pure.

A text may be several things at once: digits are the number of a batch, of a request and of a
file, and some provider's round id as well. Each candidate is one lookup.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import PurePath

from vocabulary.currencies import is_currency
from vocabulary.ids import transaction_position
from vocabulary.window import is_within_calendar

#: Shortest prefix of one of our own ids, in characters.
PREFIX_CHARS_MIN = 6
#: Longest text that is looked up, in characters: a file name.
TEXT_CHARS_MAX = 255
#: The last of the characters that may follow the prefix of an id, or something behind it.
_BEYOND_HEX = "g"


class FoundKind(StrEnum):
    """What can be found, in the order in which equally good hits are shown."""

    BREAK = "break"
    RUN = "run"
    ADJUSTMENT = "adjustment"
    WRITE_OFF = "write-off"
    INVOICE = "invoice"
    DISPUTE = "dispute"
    TRANSACTION = "transaction"
    ROUND = "round"
    RECORD = "record"
    REQUEST = "request"
    LOGGED = "logged callback"
    PLAYER = "player"
    HANDLE = "handle"
    FILE = "file"
    FINDING = "finding"
    BATCH = "batch"
    SEAL = "seal"


class By(StrEnum):
    """By what something is looked up."""

    ID = "id"
    NUMBER = "number"
    NAME = "name"
    DAY = "day"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading of the text.

    Attributes:
        text: the id, or its prefix; the name, number, day or amount as text.
        currency: of an amount.
    """

    kind: FoundKind
    by: By
    text: str
    currency: str = ""

    @property
    def end(self) -> str:
        """The end of the range of ids that start with ``text``: every one sorts before it."""
        return self.text + _BEYOND_HEX


#: Kinds whose ids are ours, with the prefix of the id.
_OWN_IDS: Mapping[FoundKind, str] = {
    FoundKind.BREAK: "brk-",
    FoundKind.RUN: "run-",
    FoundKind.ADJUSTMENT: "adj-",
    FoundKind.WRITE_OFF: "wof-",
    FoundKind.INVOICE: "inv-",
    FoundKind.DISPUTE: "dsp-",
    FoundKind.FINDING: "fnd-",
    FoundKind.SEAL: "",
}
_NUMBERED = (FoundKind.BATCH, FoundKind.REQUEST, FoundKind.FILE)
_NAMED = (
    *(FoundKind.TRANSACTION, FoundKind.ROUND, FoundKind.RECORD, FoundKind.REQUEST),
    *(FoundKind.LOGGED, FoundKind.PLAYER, FoundKind.HANDLE, FoundKind.FILE),
    FoundKind.INVOICE,
)
_WITH_AMOUNT = (
    *(FoundKind.BREAK, FoundKind.ADJUSTMENT, FoundKind.TRANSACTION),
    *(FoundKind.ROUND, FoundKind.RECORD),
)
#: Words that may stand before an id and say what it names.
_WORDS: Mapping[str, frozenset[FoundKind]] = {
    **{kind.value: frozenset({kind}) for kind in FoundKind if kind is not FoundKind.LOGGED},
    "round": frozenset({FoundKind.ROUND, FoundKind.RECORD}),
    "bet": frozenset({FoundKind.ROUND, FoundKind.TRANSACTION, FoundKind.RECORD}),
    "operation": frozenset({FoundKind.TRANSACTION}),
    "delivery": frozenset({FoundKind.REQUEST, FoundKind.LOGGED}),
    "callback": frozenset({FoundKind.REQUEST, FoundKind.LOGGED, FoundKind.TRANSACTION}),
}
_QUOTES = "\"'`"
_WORD = re.compile(r"([a-z]+)[ \t:#]+(\S.*)", re.DOTALL)
_DASHED_NUMBER = re.compile(r"(batch|request|file)-([0-9]{1,18})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_AMOUNT = re.compile(r"[-+\u2212]?([0-9]{1,18}(?:\.[0-9]{1,9})?)", re.ASCII)


def candidates(text: str) -> tuple[Candidate, ...]:
    """Every reading of a text, the likeliest first; none of an empty or overlong text."""
    cleaned = text.strip().strip(_QUOTES).strip()
    if not cleaned or len(cleaned) > TEXT_CHARS_MAX or "\0" in cleaned:
        return ()
    readings = [*_amounts(cleaned), *_readings(cleaned), *_with_blanks(text, cleaned)]
    word = _WORD.fullmatch(cleaned) or _DASHED_NUMBER.fullmatch(cleaned)
    if word is not None and (kinds := _WORDS.get(word[1])) is not None:
        readings = [*(r for r in _readings(word[2]) if r.kind in kinds), *readings]
    return tuple(dict.fromkeys(readings))


def split_day(text: str) -> tuple[str, date | None]:
    """An amount with its currency, and the day behind it; any other text as it is."""
    amount, _, last = text.strip().rpartition(" ")
    if _is_day(last) and next(_amounts(amount), None) is not None:
        return amount.strip(), date.fromisoformat(last)
    return text, None


def own_id(kind: FoundKind, text: str) -> Candidate | None:
    """Read an id of ours or its start, with the letters before its dash or without.

    None if the text is too short, or no such id begins so.
    """
    letters = _OWN_IDS[kind]
    digits = text.lower().removeprefix(letters)
    if len(text) < PREFIX_CHARS_MIN or not _HEX.fullmatch(digits):
        return None
    return Candidate(kind, By.ID, letters + digits)


def is_amount_without_currency(text: str) -> bool:
    """Whether a text is a decimal amount that names no currency."""
    match = _AMOUNT.fullmatch(text.strip())
    return match is not None and "." in match[1]


def _readings(text: str) -> Iterator[Candidate]:
    if _is_transaction(text):
        yield Candidate(FoundKind.TRANSACTION, By.ID, text)
    yield from filter(None, (own_id(kind, text) for kind in _OWN_IDS))
    if _is_day(text):
        yield Candidate(FoundKind.SEAL, By.DAY, text)
    if _NUMBER.fullmatch(text):
        yield from (Candidate(kind, By.NUMBER, text) for kind in _NUMBERED)
    yield from (Candidate(kind, By.NAME, text) for kind in _NAMED)
    if (name := PurePath(text).name) not in {"", text}:
        yield Candidate(FoundKind.FILE, By.NAME, name)
        yield Candidate(FoundKind.INVOICE, By.NAME, name)


def _with_blanks(text: str, cleaned: str) -> Iterator[Candidate]:
    """Read a name that begins or ends with blanks, in quotes or without: an id may do so."""
    quoted = text.strip().strip(_QUOTES)
    name = text if quoted == cleaned and text.strip() == cleaned else quoted
    if name != cleaned and len(name) <= TEXT_CHARS_MAX:
        yield from (Candidate(kind, By.NAME, name) for kind in _NAMED)


def _amounts(text: str) -> Iterator[Candidate]:
    """Read an amount with its currency, in either order."""
    words = text.replace("\u00a0", " ").split()
    if len(words) != 2:
        return
    for number, code in (words, reversed(words)):
        match = _AMOUNT.fullmatch(number)
        if match is not None and is_currency(code.upper()):
            for kind in _WITH_AMOUNT:
                yield Candidate(kind, By.AMOUNT, match[1], code.upper())


def _is_transaction(text: str) -> bool:
    try:
        transaction_position(text)
    except ValueError:
        return False
    return True


def _is_day(text: str) -> bool:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-06-04") and is_within_calendar(day)
