"""Deliveries heard again: what each was, and that its reply follows from it. Pure.

A delivery moved nothing and took no place, so the moment it was decided at is not known
exactly. What does not depend on the moment is proven: the sender, the fact, that the verdict
is one the books allow, and the reply, which carries no balance when something is refused.
"""

from collections.abc import Mapping

from ledger.accepting.cache import read_set_of
from ledger.accepting.model import DeliveryRow, OperationKey, Request
from ledger.accepting.tombstones import LATE_SUFFIX
from ledger.enums import OWN_SLUG, OperationKind
from ledger.replay.decode import DecodedDelivery
from ledger.replay.reader import ChainPosition
from ledger.replay.report import FieldDifferences
from vocabulary.facts import BalanceQuery, Fact, HistoryRecord, Operation, fingerprint
from vocabulary.outcomes import Answer, Verdict, refusal

_WITHOUT_KEY = frozenset({Verdict.MALFORMED, Verdict.RECORDED})


def check_delivery(
    row: DeliveryRow, heard: DecodedDelivery | None, known: Mapping[OperationKey, ChainPosition]
) -> FieldDifferences:
    """The fields of a delivery that the evidence does not lead to."""
    try:
        verdict = Verdict(row.verdict)
    except ValueError:
        return [("verdict", row.verdict, "one of the verdicts")]
    prior = known.get((row.provider, row.op_key or ""))
    if verdict is Verdict.REPEATED:
        return _repeated(row, heard, prior)
    if row.provider == OWN_SLUG or heard is None or heard.request is None:
        return []
    return _refused(row, heard.request, verdict, known)


def referenced_keys(row: DeliveryRow, heard: DecodedDelivery | None) -> set[OperationKey]:
    """Every operation key that proving the delivery looks at."""
    keys = {(row.provider, row.op_key)} if row.op_key is not None else set()
    if heard is not None and heard.request is not None:
        needs = read_set_of([heard.request])
        keys |= needs.own | needs.named
    return keys


def _repeated(
    row: DeliveryRow, heard: DecodedDelivery | None, prior: ChainPosition | None
) -> FieldDifferences:
    if prior is None:
        return [("op_key", row.op_key, "an operation under this key")]
    wrong = _reply(row, prior.known.reply)
    fact = heard.request.fact if heard is not None and heard.request is not None else None
    if isinstance(fact, Operation):
        wrong += _unequal("op_key", (row.op_key or "").removesuffix(LATE_SUFFIX), fact.key)
        wrong += _unequal("fingerprint", prior.known.fingerprint, fingerprint(fact))
    elif heard is not None and heard.request is not None:
        wrong.append(("body", "a repeat", heard.fault or type(fact).__name__))
    return wrong


def _refused(
    row: DeliveryRow,
    request: Request,
    verdict: Verdict,
    known: Mapping[OperationKey, ChainPosition],
) -> FieldDifferences:
    fact = request.fact
    key = None if fact is None else getattr(fact, "key", None)
    wrong = _unequal("op_key", row.op_key, key)
    if not _may_be(row, request, verdict, known):
        heard = "malformed" if fact is None else type(fact).__name__
        wrong.append(("verdict", verdict.value, f"not of this {heard} on these books"))
    told = fact if isinstance(fact, Fact) else None
    return wrong + _reply(row, request.respond(refusal(verdict, row.route, told)))


def _may_be(
    row: DeliveryRow,
    request: Request,
    verdict: Verdict,
    known: Mapping[OperationKey, ChainPosition],
) -> bool:
    """Whether the books allow the verdict for what was said, at some moment."""
    fact = request.fact
    if verdict in _WITHOUT_KEY or fact is None or isinstance(fact, HistoryRecord):
        of = {Verdict.MALFORMED: type(None), Verdict.RECORDED: HistoryRecord}.get(verdict)
        return of is not None and isinstance(fact, of)
    if isinstance(fact, BalanceQuery):
        return verdict in {Verdict.PLAYER_UNKNOWN, Verdict.CURRENCY_WRONG}
    own = known.get((row.provider, getattr(fact, "key", "")))
    named = [known[key] for key in read_set_of([request]).named if key in known]
    if verdict is Verdict.CONFLICT:
        return own is not None or bool(named)
    if verdict is Verdict.ROLLED_BACK:
        stones = (own, *named)
        return any(x is not None and _is_undone(x) for x in stones)
    return verdict in {
        Verdict.BET_UNKNOWN,
        Verdict.IRREVERSIBLE,
        Verdict.PLAYER_UNKNOWN,
        Verdict.CURRENCY_WRONG,
    }


def _is_undone(place: ChainPosition) -> bool:
    return place.reversed_at is not None or place.known.kind is OperationKind.TOMBSTONE


def _reply(row: DeliveryRow, answer: Answer) -> FieldDifferences:
    wrong = _unequal("reply_status", row.reply_status, answer.status)
    return wrong + _unequal("reply", row.reply, answer.body)


def _unequal(name: str, ours: object, shadow: object) -> FieldDifferences:
    return [(name, ours, shadow)] if ours != shadow else []
