"""What a dialect is given and what it declares: callbacks, providers, options, policies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from msgspec import Struct

#: A provider setting of one dialect: text, number, flag or a list of texts.
OptionValue = str | int | bool | tuple[str, ...]


class Callback(Struct, frozen=True, kw_only=True, gc=False):
    """One request as received.

    Attributes:
        route: the suffix after ``/callbacks/{slug}``, one of the dialect's ``routes``.
        headers: names in lower case; values as received, undecodable bytes surrogate-escaped.
        body: the raw bytes, within the size limit.
    """

    route: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def from_evidence(cls, *, route: str, headers: str, body: bytes) -> "Callback":
        """The request in stored evidence, whose headers are lines of ``name: value``."""
        pairs = (line.partition(": ") for line in headers.split("\n") if line)
        return cls(route=route, headers={name: value for name, _, value in pairs}, body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One configured provider, as a dialect sees it.

    Attributes:
        currency: used where callbacks carry none.
        exponents: overrides of minor-unit exponents by currency.
        secrets: every live secret; any of them may verify. Never empty, never shown.
        options: the dialect's own settings, complete (defaults filled in).
    """

    slug: str
    currency: str
    exponents: Mapping[str, int]
    secrets: tuple[bytes, ...] = field(repr=False)
    options: Mapping[str, OptionValue]


class Verified(Struct, frozen=True, gc=False):
    """Proof that the sender holds a secret.

    Attributes:
        document: what verification already decoded, so that parsing does not decode twice;
            None where the signature covers the raw bytes.
        signed: the text that the signature covers.
        signature: as the provider presented it.
    """

    callback: Callback
    document: object
    signed: bytes = b""
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningMethod:
    """How a provider signs its requests, for people who check a signature by hand.

    Attributes:
        digest: the keyed digest, such as ``HMAC-SHA256``.
        place: where the signature is in a request.
        text: which text is signed.
        command: prints the signature of ``FILE``, with the secret in ``$SECRET``.
    """

    digest: str
    place: str
    text: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPolicy:
    """Where providers differ about what the ledger should do.

    Attributes:
        orphan_win_credits: a win whose bet was never seen is credited (else refused for now).
        rollback_of_rollback_accepts: such a rollback is answered as success (nothing moves).
        round_per_operation: every operation is its own round, which ends at once.
        rollback_moves_stated: a rollback that states less than its original gives back what it
            states (else all of the original).
    """

    orphan_win_credits: bool
    rollback_of_rollback_accepts: bool
    round_per_operation: bool
    rollback_moves_stated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPolicy:
    """Where providers differ about what reconciliation may expect.

    Attributes:
        names_rounds: history records carry the round ids of the callbacks; else they are
        matched
            by player, amounts and time.
        round_open_max: a round that stays open longer is a break; None: however long.
    """

    names_rounds: bool
    round_open_max: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One setting of a dialect; ``assumed`` marks a fact that its document does not state."""

    default: OptionValue
    choices: tuple[OptionValue, ...] | None
    assumed: bool
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFields:
    """The fields of ``providers.outbound.access.ApiAccount`` that one dialect uses.

    Attributes:
        required: without them the API cannot be called.
        optional: may be configured.
    """

    required: frozenset[str]
    optional: frozenset[str]
