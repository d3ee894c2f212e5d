"""The provider's side of one dialect: everything that a simulation must know about a system.

Each system is a folder of ``simulator.systems`` whose ``__init__`` holds one ``SYSTEM``;
``simulator.systems.registry`` finds them. No field has a default.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TextIO

from simulator.protocol.api_faults import FaultControl
from simulator.protocol.call_maker import Story
from simulator.protocol.configuration import Configuration, ConfiguredOption
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.json_text import WireRequest
from simulator.protocol.message_format import MessageFormat
from simulator.protocol.messages import Call, Side

#: The signed requests that report one history record, in the order of delivery.
Pushes = Iterator[tuple[WireRequest, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFormat:
    """How a system reads our replies.

    Attributes:
        declines: the errors that answer a question about the player's means.
        conflicts: the errors for a known id with other content.
        try_again: the errors after which it sends the same bytes again.
        error: reads the name of the error; None in a success.
        success: reads the proof of a success: the balance, or our transaction id.
        scale: the decimals that a balance is scaled by; 0 where it is in units of the currency.
    """

    declines: frozenset[str]
    conflicts: frozenset[str]
    try_again: frozenset[str]
    error: Callable[[Mapping[str, object]], object]
    success: Callable[[Mapping[str, object]], object]
    scale: Callable[[Configuration], int]


def error_field(document: Mapping[str, object]) -> object:
    """The name of an error where a field ``error`` has it."""
    return document.get("error")


def unscaled(_configuration: Configuration) -> int:
    """The scale of a balance in units of the currency."""
    return 0


def shared_secret(name: bytes) -> bytes:
    """The secret of a system that shares any bytes with us: the name itself."""
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFile:
    """The file in which a system reports its history.

    Attributes:
        suffix: how its name ends.
        write: writes the lines.
    """

    suffix: str
    write: Callable[[TextIO, Sequence[HistoryLine], RunSpan], None]


class SimulatedApi(Protocol):
    """A system's own API, kept in memory.

    Attributes:
        control: makes it misbehave, and knows every request.
    """

    control: FaultControl

    def application(self) -> object:
        """The web application, ready to be served."""
        ...

    def remember(self, lines: Sequence[HistoryLine], span: RunSpan, /) -> None:
        """Know what was played, as far as the API reports it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class System(Side):
    """One provider system. No field has a default.

    Attributes:
        stories: what its players do, each with its relative weight.
        secret_of: what it signs with under a name, in the form in which settings hold a secret;
            the same in one process whenever it is asked for.
        request: the signed request that makes a call, given when it is sent; None leaves the
            time out.
        replies: how it reads our replies.
        messages: its callbacks field by field, for conformance.
        statement: the file of its history; None where it has none.
        push: the requests that report its history, given (lines, seed, span, secret); None
            where it does not push.
        own_ids: the options under which its history has ids of its own and does not name our
            rounds; empty where it always names them.
        api: makes its API from a seed, with credentials that a demonstration knows; None where
            it has none.
    """

    stories: tuple[tuple[Story, int], ...]
    secret_of: Callable[[bytes], bytes]
    request: Callable[[Call, Configuration, datetime | None], WireRequest]
    replies: ReplyFormat
    messages: MessageFormat
    statement: StatementFile | None
    push: Callable[[Sequence[HistoryLine], int, RunSpan, bytes], Pushes] | None
    own_ids: Mapping[str, ConfiguredOption]
    api: Callable[[int], SimulatedApi] | None

    def has_own_ids(self, configuration: Configuration) -> bool:
        """Whether its history, as configured, does not name our rounds."""
        options = configuration.options
        return bool(self.own_ids) and all(
            options.get(name) == value for name, value in self.own_ids.items()
        )
