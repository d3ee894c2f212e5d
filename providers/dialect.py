"""What a dialect answers. A dialect is a folder of this package; no field has a default.

Every folder has ``options.py``, ``verify.py``, ``parse.py``, ``respond.py``, and ``feed.py`` if
history is read. Where the provider's own API is called, ``api.py`` lists what ``client.py``,
``launch.py``, ``inquiry.py`` and ``pull.py`` offer. ``providers.registry`` finds ``DIALECT``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from providers.contract import (
    ApiFields,
    Callback,
    HistoryPolicy,
    LedgerPolicy,
    Option,
    OptionValue,
    Provider,
    SigningMethod,
    Verified,
)
from providers.statements.format import StatementFormat
from vocabulary.facts import Fact
from vocabulary.outcomes import CallbackReply, Outcome

if TYPE_CHECKING:
    from providers.outbound.dialect_api import DialectApi


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The protocol of one provider system.

    Attributes:
        name: the name of its folder.
        routes: every path suffix it is called on; ``""`` for one URL.
        options: its settings by name.
        policy: what the ledger should do, given complete options.
        history_policy: what reconciliation may expect, given complete options.
        verify: proves the sender over the raw bytes. Raises NotAuthentic only.
        signature_headers: the headers that ``verify`` reads, in lower case; stored as evidence.
        secret_problem: what a configured secret lacks; empty where it can verify.
        signing: how its requests are signed, in words for the provider's staff.
        parse: reads one fact. Raises Malformed only.
        respond: writes the reply as this provider's document specifies it. Total over Verdict.
        statement: its statement files; None where the history comes in another way.
        api_fields: the settings that calls of its API need.
        api: loads the calls of its API; see ``lazy_api``.
    """

    name: str
    routes: tuple[str, ...]
    options: Mapping[str, Option]
    policy: Callable[[Mapping[str, OptionValue]], LedgerPolicy]
    history_policy: Callable[[Mapping[str, OptionValue]], HistoryPolicy]
    verify: Callable[[Callback, Provider], Verified]
    signature_headers: Callable[[Provider], tuple[str, ...]]
    secret_problem: Callable[[bytes], str]
    signing: Callable[[Provider], SigningMethod]
    parse: Callable[[Verified, Provider], Fact]
    respond: Callable[[Outcome, Provider], CallbackReply]
    statement: StatementFormat | None
    api_fields: ApiFields
    api: "Callable[[], DialectApi]"


def lazy_api(module: str) -> "Callable[[], DialectApi]":
    """Load ``API`` of a module when it is first asked for.

    Few processes call an API, and clients would double the import time of a dialect.
    """
    return partial(_api_of, module)


def _api_of(module: str) -> "DialectApi":
    api: DialectApi = import_module(module).API
    return api
