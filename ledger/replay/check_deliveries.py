"""Check stored deliveries: that verdict and reply follow from what was sent. Pure.

A delivery moved nothing and took no chain position, so the moment of its decision is not known
exactly. What does not depend on that moment is checked: the sender, the fact, that the books
allow the verdict, and the reply, which carries no balance when something is refused.
"""

from collections.abc import Mapping

from ledger.accepting.cache import read_set_of
from ledger.accepting.late_operations import LATE_SUFFIX
from ledger.accepting.model import DeliveryRow, OperationKey, Request
from ledger.enums import OWN_SLUG, OperationKind
from ledger.replay.decode import DecodedDelivery
from ledger.replay.reader import ChainPosition
from ledger.replay.report import FieldDifferences
from vocabulary.facts import (
    BalanceQuery,
    Fact,
    HistoryRecord,
    Operation,
    UnreadableHistory,
    fingerprint,
)
from vocabulary.outcomes import CallbackReply, Verdict, refusal

_HISTORY = (HistoryRecord, UnreadableHistory)
_WITHOUT_KEY = {Verdict.MALFORMED: (type(None),), Verdict.RECORDED: _HISTORY}
_POSSIBLE_AT_ANY_TIME = frozenset(
    {
        Verdict.BET_UNKNOWN,
        Verdict.IRREVERSIBLE,
        Verdict.PLAYER_UNKNOWN,
        Verdict.CURRENCY_WRONG,
    }
)


def check_delivery(
    row: DeliveryRow,
    decoded: DecodedDelivery | None,
    known: Mapping[OperationKey, ChainPosition],
) -> FieldDifferences:
    """The fields of a delivery that do not follow from the evidence."""
    try:
        verdict = Verdict(row.verdict)
    except ValueError:
        return [("verdict", row.verdict, "one of the verdicts")]
    if verdict is Verdict.REPEATED:
        prior = known.get((row.provider, row.op_key or ""))
        return _repeat_differences(row, decoded, prior)
    if row.provider == OWN_SLUG or decoded is None or decoded.request is None:
        return []
    return _refusal_differences(row, decoded.request, verdict, known)


def referenced_keys(row: DeliveryRow, decoded: DecodedDelivery | None) -> set[OperationKey]:
    """Every operation key that checking the delivery reads."""
    keys = {(row.provider, row.op_key)} if row.op_key is not None else set()
    if decoded is not None and decoded.request is not None:
        read_set = read_set_of([decoded.request])
        keys |= read_set.own_keys | read_set.referenced_keys
    return keys


def _repeat_differences(
    row: DeliveryRow, decoded: DecodedDelivery | None, prior: ChainPosition | None
) -> FieldDifferences:
    if prior is None:
        return [("op_key", row.op_key, "an operation under this key")]
    differences = _reply_differences(row, prior.known.reply)
    if decoded is None or decoded.request is None:
        return differences
    fact = decoded.request.fact
    if not isinstance(fact, Operation):
        return [*differences, ("body", "a repeat", decoded.fault or type(fact).__name__)]
    return [
        *differences,
        *_unequal("op_key", (row.op_key or "").removesuffix(LATE_SUFFIX), fact.key),
        *_unequal("fingerprint", prior.known.fingerprint, fingerprint(fact)),
    ]


def _refusal_differences(
    row: DeliveryRow,
    request: Request,
    verdict: Verdict,
    known: Mapping[OperationKey, ChainPosition],
) -> FieldDifferences:
    fact = request.fact
    key = None if fact is None else getattr(fact, "key", None)
    differences = [] if _lacks_digits(request) else _unequal("op_key", row.op_key, key)
    if not _is_possible(row, request, verdict, known):
        kind = "malformed request" if fact is None else type(fact).__name__
        differences.append(("verdict", verdict.value, f"not for this {kind} on these books"))
    sent_fact = fact if isinstance(fact, Fact) else None
    reply = request.respond(refusal(verdict, row.route, sent_fact, body=request.body))
    return differences + _reply_differences(row, reply)


def _is_possible(
    row: DeliveryRow,
    request: Request,
    verdict: Verdict,
    known: Mapping[OperationKey, ChainPosition],
) -> bool:
    """Whether the books allow the verdict for the request at some moment."""
    fact = request.fact
    if _lacks_digits(request):
        return verdict is Verdict.CURRENCY_WRONG
    if verdict in _WITHOUT_KEY or fact is None or isinstance(fact, _HISTORY):
        expected = _WITHOUT_KEY.get(verdict)
        return expected is not None and isinstance(fact, expected)
    if isinstance(fact, BalanceQuery):
        return verdict in {Verdict.PLAYER_UNKNOWN, Verdict.CURRENCY_WRONG}
    own = known.get((row.provider, getattr(fact, "key", "")))
    keys = read_set_of([request]).referenced_keys
    referenced = [known[key] for key in keys if key in known]
    if verdict is Verdict.CONFLICT:
        return own is not None or bool(referenced)
    if verdict is Verdict.ROLLED_BACK:
        return any(x is not None and _is_rolled_back(x) for x in (own, *referenced))
    return verdict in _POSSIBLE_AT_ANY_TIME


def _lacks_digits(request: Request) -> bool:
    """Whether nobody names the digits of its currency, so that no key of it was read.

    Version 0.1 read such requests with assumed digits, and kept their keys.
    """
    return request.fact is None and request.unread is Verdict.CURRENCY_WRONG


def _is_rolled_back(position: ChainPosition) -> bool:
    return position.reversed_at is not None or position.known.kind is OperationKind.TOMBSTONE


def _reply_differences(row: DeliveryRow, reply: CallbackReply) -> FieldDifferences:
    return [
        *_unequal("reply_status", row.reply_status, reply.status),
        *_unequal("reply", row.reply, reply.body),
    ]


def _unequal(name: str, stored: object, recomputed: object) -> FieldDifferences:
    return [] if stored == recomputed else [(name, stored, recomputed)]
