"""Small columns of a row, packed into one integer by SQL and read back from it.

Texts that repeat, such as providers and currencies, become their number in a list; a text that
is not in the list becomes 0, and a row with 0 is never proven.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ledger.checks.together.columns import Flags, Integers
from ledger.enums import Account, OperationDecision, OperationKind
from vocabulary.facts import Fund

#: The most texts that a list may have: each row may be compared with one after the other.
TEXTS_MAX = 127
#: So many are compared one by one, and from so many on PostgreSQL looks texts up by their hash.
_COMPARED_MAX, _HASHED_MIN = 2, 9
#: Seven bits of a hash of 32 begin at one of so many places.
_HASH_BITS = 25

KINDS = tuple(OperationKind)
FUNDS = tuple(Fund)
ACCOUNTS = tuple(Account)


@dataclass(frozen=True, slots=True)
class Field:
    """Some bits of a packed integer."""

    shift: int
    bits: int

    def of(self, packed: Integers) -> Integers:
        """The field's numbers."""
        return (packed >> self.shift) & ((1 << self.bits) - 1)

    def is_set(self, packed: Integers) -> Flags:
        """Where the field is not 0."""
        flags: Flags = (packed & (((1 << self.bits) - 1) << self.shift)) != 0
        return flags

    def equals(self, packed: Integers, number: int) -> Flags:
        """Where the field has this number."""
        mask = ((1 << self.bits) - 1) << self.shift
        flags: Flags = (packed & mask) == (number << self.shift)
        return flags


CURRENCY = Field(0, 8)
PROVIDER = Field(8, 8)
#: Of both: what entries and rounds have in common with their operations.
PROVIDER_AND_CURRENCY = Field(0, 16)
# Of operations and entries:
POSITION = Field(36, 27)
# Of operations:
KIND = Field(16, 4)
FUND = Field(20, 3)
ACCEPTED = Field(23, 1)
ENDS_ROUND = Field(24, 1)
OPENING = Field(25, 1)
DECLARES_STAKE = Field(26, 1)
DECLARES_PAYOUT = Field(27, 1)
# Added here, from their batch:
POSTED = Field(28, 1)
ENTRIES_LEFT = Field(29, 1)
# Of entries:
ACCOUNT = Field(16, 4)
LEG = Field(20, 16)
# Of rounds:
ENDED = Field(16, 1)
ROUND_DECLARES_STAKE = Field(17, 1)
ROUND_DECLARES_PAYOUT = Field(18, 1)
ROLLBACKS = Field(20, 32)


@dataclass(frozen=True, slots=True)
class NumberedTexts:
    """Texts of the books with a number of their own, from 1 to 255.

    Attributes:
        texts: each of them.
        shift: by how much PostgreSQL's hash of a text is shifted to give its number; None: the
            number is the place in ``texts``. A hash costs less than several comparisons, and
            tells the texts apart once it is known that a text is one of them.
        numbers: of each text.
    """

    texts: tuple[str, ...]
    shift: int | None
    numbers: tuple[int, ...]

    @classmethod
    def of(cls, hashes: Mapping[str, int]) -> "NumberedTexts":
        """Number texts by their hashes, if any seven bits of these tell them apart.

        Args:
            hashes: of each text, ``hashtext`` of PostgreSQL.
        """
        texts = tuple(hashes)
        if len(texts) > _COMPARED_MAX:
            for shift in range(_HASH_BITS):
                numbers = tuple(128 + ((hashes[text] >> shift) & 127) for text in texts)
                if len(set(numbers)) == len(texts):
                    return cls(texts, shift, numbers)
        return cls(texts, None, tuple(range(1, len(texts) + 1)))

    @property
    def fit(self) -> bool:
        """Whether the numbers fit their field."""
        return len(self.texts) <= TEXTS_MAX

    def number(self, text: str) -> int:
        """The number of a text; -1: it is none of them."""
        return self.numbers[self.texts.index(text)] if text in self.texts else -1

    def sql(self, column: str, field: Field) -> str:
        """SQL for the number of a column's text, in its field; 0: the text is none of them."""
        if not self.texts:
            return "0"
        if self.shift is None:
            cases = " ".join(
                f"WHEN {_quoted(text)} THEN {number << field.shift}"
                for text, number in zip(self.texts, self.numbers, strict=True)
            )
            return f"CASE {column} {cases} ELSE 0 END"
        # PostgreSQL looks a text up in a longer list by its hash, in a shorter one one by one.
        count = max(len(self.texts), _HASHED_MIN)
        listed = ", ".join(map(_quoted, (self.texts * _HASHED_MIN)[:count]))
        number = f"((128 + ((hashtext({column}) >> {self.shift}) & 127)) << {field.shift})"
        return f"CASE WHEN {column} = ANY(ARRAY[{listed}]) THEN {number} ELSE 0 END"


@dataclass(frozen=True, slots=True)
class Lists:
    """The texts of the books that are packed as numbers.

    Attributes:
        providers: the slugs of all operations, ours included.
        currencies: those of all wallets.
    """

    providers: NumberedTexts
    currencies: NumberedTexts

    @property
    def fit(self) -> bool:
        """Whether their numbers fit."""
        return self.providers.fit and self.currencies.fit

    def packed(self, *parts: str) -> str:
        """SQL of a row ``t`` with provider, currency and further parts packed."""
        provider = self.providers.sql("t.provider", PROVIDER)
        currency = self.currencies.sql("t.currency", CURRENCY)
        return " + ".join((provider, currency, *parts))


def with_position(packed: str) -> str:
    """SQL of a row ``t`` with its position above its packed columns; -1: it is too large."""
    limit = (1 << POSITION.bits) - 1
    position = f"(t.wallet_seq << {POSITION.shift})"
    return (
        f"CASE WHEN t.wallet_seq BETWEEN 0 AND {limit} THEN {position} + {packed} ELSE -1 END"
    )


def enumerated(column: str, values: Sequence[str], field: Field) -> str:
    """SQL for the number of an enum's value in its field."""
    cases = " ".join(
        f"WHEN '{value}' THEN {number << field.shift}" for number, value in enumerate(values)
    )
    return f"CASE {column} {cases} END"


def flagged(condition: str, field: Field) -> str:
    """SQL that sets a field of one bit."""
    return f"CASE WHEN {condition} THEN {1 << field.shift} ELSE 0 END"


def accepted(packed: Integers) -> Flags:
    """Which operations were accepted."""
    return ACCEPTED.is_set(packed)


def is_kind(packed: Integers, *kinds: OperationKind) -> Flags:
    """Which operations are of one of the kinds."""
    flags = np.zeros(len(packed), dtype=np.bool_)
    for kind in kinds:
        flags |= KIND.equals(packed, KINDS.index(kind))
    return flags


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''").replace("\\", "\\\\")
    # A colon would begin a parameter.
    return "E'" + doubled.replace(":", "\\x3a") + "'"


DECISION_IS_ACCEPTED = f"t.decision = '{OperationDecision.ACCEPTED}'"
