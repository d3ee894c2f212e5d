"""The five questions a dialect answers. No field has a default.

A dialect is a folder with the same files in each: ``verify.py``, ``parse.py``, ``respond.py``,
``feed.py``, ``options.py`` and an ``__init__.py`` that holds exactly one ``DIALECT``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from vocabulary.facts import Fact, HistoryRecord
from vocabulary.outcomes import Answer, Outcome

#: A provider setting of one dialect: text, number, flag or a list of texts.
OptionValue = str | int | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One request as it came.

    Attributes:
        route: the suffix after ``/callbacks/{slug}``, one of the dialect's ``routes``.
        headers: names in lower case; values as received, undecodable bytes surrogate-escaped.
        body: the raw bytes, within the size limit.
    """

    route: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One configured provider, as a dialect sees it.

    Attributes:
        currency: where callbacks carry none.
        exponents: overrides of minor-unit exponents by currency.
        secrets: every live secret; any of them may verify. Never empty, never shown.
        options: the dialect's own settings, complete (defaults filled in).
    """

    slug: str
    currency: str
    exponents: Mapping[str, int]
    secrets: tuple[bytes, ...] = field(repr=False)
    options: Mapping[str, OptionValue]


@dataclass(frozen=True, slots=True)
class Verified:
    """Proof that the sender holds a secret.

    Attributes:
        document: what verification already decoded, so that parsing does not decode twice;
            None where the signature covers the raw bytes.
    """

    callback: Callback
    document: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Where providers differ about what the ledger should do.

    Attributes:
        orphan_win_credits: a win whose bet was never seen is credited (else refused for now).
        rollback_of_rollback_accepts: such a rollback is answered as success (nothing moves).
        round_per_operation: every operation is its own round, which ends at once.
    """

    orphan_win_credits: bool
    rollback_of_rollback_accepts: bool
    round_per_operation: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line of a statement that could not be understood: a value, never an exception.

    Attributes:
        line: 1-based line number in the file.
        reason: what was expected; never the content.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One dialect setting: default and meaning. ``assumed`` marks an undocumented fact."""

    default: OptionValue
    choices: tuple[OptionValue, ...] | None
    assumed: bool
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One provider system's way of speaking. No field has a default.

    Attributes:
        routes: every path suffix it is called on; ``""`` for one URL.
        options: the dialect's settings by name.
        policy: what the ledger should do, given complete options.
        verify: proves the sender over the raw bytes. Raises NotAuthentic only.
        parse: reads one fact. Raises Malformed only.
        respond: says it exactly as this provider's document does. Total over Verdict.
        read_statement: streams a statement file; each line a record or an Unreadable.
            None where the provider pushes its history.
    """

    name: str
    routes: tuple[str, ...]
    options: Mapping[str, Option]
    policy: Callable[[Mapping[str, OptionValue]], Policy]
    verify: Callable[[Callback, Provider], Verified]
    parse: Callable[[Verified, Provider], Fact]
    respond: Callable[[Outcome, Provider], Answer]
    read_statement: Callable[[BinaryIO, Provider], Iterator[HistoryRecord | Unreadable]] | None
