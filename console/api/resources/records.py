"""Single things: rounds, operations, requests, players, batches, seals, trail, settings."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from console.api.endpoint import Endpoint, Read
from console.api.models import records as models
from console.api.models.records import (
    AuditListJson,
    AuditRowJson,
    BatchJson,
    BatchOperationJson,
    BatchRequestJson,
    EntryJson,
    HandleJson,
    HeaderJson,
    OperationJson,
    PlayerJson,
    RequestJson,
    RoundJson,
    RoundOperationJson,
    RoundPartJson,
    RoundRecordJson,
    RoundSumJson,
    SealJson,
    SettingJson,
    SettingListJson,
    SideAmountsJson,
    SignatureJson,
    WalletJson,
    WalletLineJson,
)
from console.api.models.values import MoneyJson, attributes, money
from console.config import Visit
from console.pages.breaks.listing import PAGE_ROWS
from console.pages.parameters import LIMIT_MAX
from console.pages.records import audit, batches, operations, players, rounds, seals
from console.pages.records.rounds import RoundSums
from ledger.queries.operations import EvidenceBytes, operation_bytes, request_bytes
from ledger.queries.player_status import PlayerStatus
from ledger.queries.round_parts import RoundOperation, RoundPart
from ledger.queries.wallet_pages import WalletLine
from storage.audit import audit_rows
from vocabulary.cursors import cut_rows
from vocabulary.ids import transaction_position
from vocabulary.people import Right

_Exponents = Mapping[str, int]
_TAG = "records"


def show_round(visit: Visit) -> RoundJson:
    """A round as both sides have it."""
    shown = rounds.show(replace(visit, query={"limit": str(LIMIT_MAX), **visit.query})).values
    exponents: _Exponents = shown["exponents"]
    return RoundJson(
        provider=shown["provider"],
        round_key=shown["round_id"],
        sentence=shown["sentence"],
        sums=tuple(_round_sum(part, exponents) for part in shown["sums"]),
        ours=tuple(_round_part(part, exponents) for part in shown["parts"]),
        theirs=tuple(
            RoundRecordJson(
                **attributes(
                    record,
                    "record_id occurrence handle rolled_back withdrawn game source created_at"
                    " updated_at received_at",
                ),
                **_amounts(record, "stake payout", exponents),
            )
            for record in shown["records"]
        ),
        operations=tuple(_round_operation(item, exponents) for item in shown["operations"]),
        cut=shown["next"] is not None,
        next=shown["next"],
        breaks=tuple(break_.break_id for break_ in shown["breaks"]),
    )


def show_operation(visit: Visit) -> OperationJson:
    """One operation with the request that made it."""
    shown = operations.show(visit).values
    operation, exponents = shown["operation"], shown["exponents"]
    evidence = None
    if _asks_for_bytes(visit):
        with visit.console.readers.connect() as connection:
            evidence = operation_bytes(connection, transaction_position(visit.path["id"]))
    return OperationJson(
        **attributes(
            operation,
            "transaction op_key decision reason player refers_to reverses reversed_by"
            " occurred_at committed_at posted_at parked_at",
        ),
        **_evidence(shown, operation, evidence),
        **_amounts(operation, "stake payout amount balance_before balance_after", exponents),
        kind=str(operation.kind),
        batch=str(operation.batch_id),
        round_key=operation.round_id,
        entries=tuple(
            EntryJson(
                **attributes(entry, "leg account posted_at"),
                **_amounts(entry, "amount", exponents),
            )
            for entry in shown["entries"]
        ),
        repeats=tuple(str(repeat.delivery_id) for repeat in shown["repeats"]),
    )


def show_request(visit: Visit) -> RequestJson:
    """A request that became no operation."""
    shown = operations.show_request(visit).values
    request, evidence = shown["request"], None
    if _asks_for_bytes(visit):
        with visit.console.readers.connect() as connection:
            evidence = request_bytes(connection, request.delivery_id)
    return RequestJson(
        **attributes(request, "op_key verdict ingested_at parked_at"),
        **_evidence(shown, request, evidence),
        id=str(request.delivery_id),
        batch=str(request.batch_id),
        operation=shown["operation"],
    )


def show_player(visit: Visit) -> PlayerJson:
    """A player with a page of a statement."""
    query = dict(visit.query)
    if "after" in query:  # the page's own `after` leads to newer lines
        query["before"] = query.pop("after")
    shown = players.show(replace(visit, query=query)).values
    wallet, page = shown["wallet"], shown["page"]
    lines = () if page is None else page.lines
    older = None if page is None else page.older
    return PlayerJson(
        **{name: shown[name] for name in ("player", "sentence", "since")},
        handles=tuple(
            HandleJson(provider=provider, handle=handle)
            for provider, handle in shown["handles"]
        ),
        wallets=tuple(_wallet(status, visit) for status in shown["statuses"]),
        currency=None if wallet is None else wallet.currency,
        statement=tuple(_wallet_line(line, wallet.currency, visit) for line in lines),
        next=None if older is None else str(older),
        breaks=tuple(break_.break_id for break_ in shown["breaks"].breaks),
    )


def show_batch(visit: Visit) -> BatchJson:
    """A batch with a page of its operations."""
    shown = batches.show(visit).values
    batch, parking = shown["batch"], shown["parking"]
    items = tuple(
        BatchOperationJson(
            **attributes(
                item, "transaction provider op_key decision reason player received_at"
            ),
            **_amounts(item, "amount balance_after", visit.config.exponents(item.provider)),
            kind=str(item.kind),
            round_key=item.round_id,
        )
        for item in shown["operations"]
    )
    return BatchJson(
        id=str(batch.batch_id),
        **attributes(batch, "committed_at operations posted_at parked_at"),
        parked_for=None if parking is None else parking.cause,
        items=items,
        requests=tuple(
            BatchRequestJson(
                id=str(request.delivery_id),
                **attributes(request, "provider op_key verdict reply_status received_at"),
            )
            for request in shown["requests"]
        ),
        next=items[-1].transaction if shown["next"] else None,
    )


def show_seal(visit: Visit) -> SealJson:
    """The seal of a day."""
    shown = seals.show(visit).values
    seal = shown["seal"]
    return SealJson(
        day=str(seal.day),
        **attributes(seal, "previous hash"),
        counts=dict(seal.counts),
        first=shown["is_first"],
        faults=shown["wrong"],
    )


def list_audit(visit: Visit) -> AuditListJson:
    """Who did what, the newest first."""
    query = dict(visit.query)
    query["before"] = query.pop("after", "")
    audit_filter, _ = audit.read_filter(query)
    limit = int(query.get("limit", PAGE_ROWS))
    with visit.console.readers.connect() as connection:
        rows = list(audit_rows(connection, audit_filter, limit=limit + 1))
    listed, last = cut_rows(rows, limit)
    return AuditListJson(
        items=tuple(
            AuditRowJson(
                id=str(row.audit_id),
                by=row.actor,
                object=row.subject,
                detail=dict(row.detail),
                **attributes(row, "at acting action"),
            )
            for row in listed
        ),
        next=None if last is None else audit.position_of(last),
    )


def list_settings(visit: Visit) -> SettingListJson:
    """Every setting in force."""
    return SettingListJson(
        items=tuple(
            SettingJson(**attributes(line, "key value source"))
            for line in visit.config.settings
        )
    )


def _amounts(thing: Any, names: str, exponents: _Exponents) -> dict[str, Any]:
    """Attributes of a thing that has a currency, as amounts."""
    return {
        name: money(minor, thing.currency, exponents)
        for name, minor in attributes(thing, names).items()
    }


def _round_sum(part: RoundSums, exponents: _Exponents) -> RoundSumJson:
    def side(amounts: tuple[int, int] | None) -> SideAmountsJson | None:
        if amounts is None:
            return None
        stake, payout = (money(minor, part.currency, exponents) for minor in amounts)
        return SideAmountsJson(stake=stake, payout=payout)

    return RoundSumJson(
        ours=side(part.ours),
        theirs=side(part.theirs),
        difference=money(part.difference, part.currency, exponents),
    )


def _round_part(part: RoundPart, exponents: _Exponents) -> RoundPartJson:
    return RoundPartJson(
        **attributes(part, "player bets wins rollbacks status first_at last_at"),
        **_amounts(part, "stake payout clearing", exponents),
    )


def _round_operation(operation: RoundOperation, exponents: _Exponents) -> RoundOperationJson:
    return RoundOperationJson(
        **attributes(
            operation,
            "transaction op_key decision reason player reply_status received_at",
        ),
        **_amounts(operation, "amount balance_after", exponents),
        kind=str(operation.kind),
        batch=str(operation.batch_id),
    )


def _asks_for_bytes(visit: Visit) -> bool:
    return visit.query.get("bytes") == "true"


def _evidence(
    shown: Mapping[str, Any], thing: Any, evidence: EvidenceBytes | None
) -> dict[str, Any]:
    """The fields of ``EvidenceJson``."""
    return {
        **attributes(thing, "provider route reply_status received_at"),
        "headers": tuple(
            HeaderJson(name=name, value=value) for name, value in shown["headers"]
        ),
        "signature": SignatureJson(**attributes(shown["signature"], "holds why")),
        "received_size": thing.body.size,
        "answered_size": thing.reply.size,
        "received": None if evidence is None else b64encode(evidence.body).decode(),
        "answered": None if evidence is None else b64encode(evidence.reply).decode(),
    }


def _wallet(status: PlayerStatus, visit: Visit) -> WalletJson:
    limits, exponents = status.restrictions, visit.config.own_exponents

    def limit(name: str) -> MoneyJson | None:
        minor = getattr(limits, name, None)
        return None if minor is None else money(minor, status.currency, exponents)

    return WalletJson(
        state=str(status.state),
        **_amounts(status, "balance owed staked_today paid_today", exponents),
        excluded_until=None if limits is None else limits.until,
        stake_limit=limit("stake"),
        turnover_limit=limit("turnover"),
        loss_limit=limit("loss"),
    )


def _wallet_line(line: WalletLine, currency: str, visit: Visit) -> WalletLineJson:
    exponents = visit.config.exponents(line.provider)
    return WalletLineJson(
        **attributes(line, "transaction provider op_key decision reason received_at posted_at"),
        kind=str(line.kind),
        round_key=line.round_id,
        amount=money(line.amount, currency, exponents),
        balance_after=money(line.balance_after, currency, exponents),
    )


def _read(path: str, summary: str, show: Any, answer: Any, **more: Any) -> Read:
    right = more.pop("right", Right.READ)
    return Read(
        path=path, summary=summary, tag=_TAG, right=right, show=show, answer=answer, **more
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    _read(
        "/rounds/{provider}/{round}",
        "A round as both sides have it",
        show_round,
        RoundJson,
        query=models.RoundQuery,
    ),
    _read(
        "/operations/{id}",
        "An operation with the request that made it",
        show_operation,
        OperationJson,
        query=models.BytesQuery,
    ),
    _read(
        "/requests/{id}",
        "A request that became no operation",
        show_request,
        RequestJson,
        query=models.BytesQuery,
    ),
    _read(
        "/players/{player}",
        "A player with every wallet and a statement",
        show_player,
        PlayerJson,
        query=models.StatementQuery,
    ),
    _read(
        "/batches/{id}",
        "Operations that were committed together",
        show_batch,
        BatchJson,
        query=models.BatchQuery,
    ),
    _read("/seals/{day}", "The seal of a day", show_seal, SealJson, query=models.SealQuery),
    _read(
        "/audit", "Who did what, in pages", list_audit, AuditListJson, query=models.AuditQuery
    ),
    _read(
        "/settings",
        "The settings in force, secrets struck out",
        list_settings,
        SettingListJson,
        right=Right.SEE_SETTINGS,
    ),
)
