"""The platform's rounds, out of its API or out of a file, and its own log of what it sent us.

A file has one JSON object a line; the API lists sessions, each with its rounds. Either way a
round that cannot be understood is a finding with its place, and the rest is still read.
A cancelled round stands for nothing moved. The prize of an open round is left out: a scratch
card's prize may be drawn, and told, before it is paid.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import BinaryIO

from providers.contract import Provider, Unreadable
from providers.fields import currency_code, identifier, instant, label, one_of
from providers.javascript import stringify
from providers.outbound_json import count_at, flag_at, member, object_at
from providers.pulled import LoggedDelivery, UnreadableItem
from providers.wire import BODY_BYTES_MAX, Json, decode_json
from providers.xigs.amounts import stated_amount
from providers.xigs.pages import Item
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money

#: The fields of a line, all needed; ``currency``, ``gameId`` and others may stand beside them.
FIELDS = ("roundId", "userId", "bet", "prize", "status", "createdAt", "updatedAt")
STATES = ("open", "closed", "cancelled")

#: Longest line read, in bytes; a round has about 200.
LINE_BYTES_MAX = BODY_BYTES_MAX

#: Largest numbers believed in a delivery log.
STATUS_MAX = 999
RETRIES_MAX = 1_000_000

_BOM = b"\xef\xbb\xbf"

Document = Mapping[str, Json]


def read_statement(
    stream: BinaryIO, provider: Provider
) -> Iterator[HistoryRecord | Unreadable]:
    """Stream pulled rounds; unknown fields are ignored.

    Yields:
        One record or finding per line that is not blank, in file order; a web page gives one
        finding and nothing else.
    """
    for number, line in enumerate(iter(partial(_line, stream), b""), start=1):
        text = line.removeprefix(_BOM) if number == 1 else line
        if number == 1 and text.lstrip()[:1] == b"<":
            yield Unreadable(1, "one JSON object a line is expected, this is a web page")
            return
        if not text.strip():
            continue
        try:
            yield _record(_document(text), provider, raw=text.rstrip(b"\r\n"))
        except Malformed as error:
            yield Unreadable(number, str(error))


def rounds_of(
    session: Item, provider: Provider, *, since: datetime, until: datetime
) -> Iterator[HistoryRecord | UnreadableItem]:
    """The rounds of one session that were updated from ``since`` on and before ``until``.

    A round that names no player or game has those of its session.

    Yields:
        One record or finding per round; a round whose time cannot be read is never left out.
    """
    told = session.document.get("rounds")
    if not isinstance(told, list):
        yield UnreadableItem(session.place, "rounds: a list is expected")
        return
    for number, document in enumerate(told):
        try:
            found = _round(document, session.document, provider)
        except Malformed as error:
            if not _is_outside(document, since, until):
                yield UnreadableItem(f"{session.place}.rounds[{number}]", str(error))
        else:
            if since <= found.updated_at < until:
                yield found


def delivery_of(item: Item, webhook_id: str) -> LoggedDelivery | UnreadableItem:
    """What the platform says of one callback: what it sent, and what it was answered."""
    try:
        return _delivery(item, webhook_id)
    except Malformed as error:
        return UnreadableItem(item.place, str(error))


def _delivery(item: Item, webhook_id: str) -> LoggedDelivery:
    # Of a delivery still under way some fields are null, which is as good as absent.
    told: dict[str, Json] = {
        name: value for name, value in item.document.items() if value is not None
    }
    answered = "responseCode" in told
    return LoggedDelivery(
        webhook_id=webhook_id,
        delivery_id=item.item_id,
        event_type=identifier(member(told, "eventType"), "eventType"),
        payload=_content(told.get("payload"), "payload"),
        response_code=_count(told, "responseCode", STATUS_MAX) if answered else None,
        response_body=_content(told.get("responseBody"), "responseBody"),
        success=flag_at(told, "success", absent=False),
        attempted_at=instant(member(told, "timestamp"), "timestamp"),
        retry_count=_count(told, "retryCount", RETRIES_MAX) if "retryCount" in told else 0,
    )


def _count(document: Json, name: str, most: int) -> int:
    count = count_at(document, name)
    if count > most:
        raise Malformed(name, f"a number up to {most} is expected")
    return count


def _content(value: Json, path: str) -> bytes:
    """A body as logged: text as it is, a document in compact JSON, nothing where it is null."""
    if value is None:
        return b""
    try:
        text = value if type(value) is str else stringify(value)
    except RecursionError:
        raise Malformed(path, "nesting within reason is expected") from None
    # Half a surrogate pair, which JSON can spell and UTF-8 cannot, is spelt out again.
    return text.encode("utf-8", "backslashreplace")


def _round(document: Json, session: Document, provider: Provider) -> HistoryRecord:
    told = object_at(document, "round")
    of_session = {name: session.get(name) for name in ("userId", "gameId")}
    whole = {**of_session, **told}
    _refuse_gaps(whole, "round")
    return _record(whole, provider, raw=_content(document, "round"))


def _is_outside(document: Json, since: datetime, until: datetime) -> bool:
    try:
        updated_at = instant(member(document, "updatedAt"), "updatedAt")
    except Malformed:
        return False
    return not since <= updated_at < until


def _line(stream: BinaryIO) -> bytes:
    """The next line with its end, cut at one byte over the limit; empty at the end."""
    line = stream.readline(LINE_BYTES_MAX + 1)
    rest = line
    while len(rest) > LINE_BYTES_MAX and not rest.endswith(b"\n"):
        rest = stream.readline(LINE_BYTES_MAX + 1)
    return line


def _document(line: bytes) -> Document:
    try:
        document = decode_json(line)
    except Malformed as error:
        raise Malformed("line", error.reason) from None
    if not isinstance(document, dict):
        raise Malformed("line", "an object is expected")
    _refuse_gaps(document, "line")
    return document


def _refuse_gaps(document: Document, path: str) -> None:
    missing = [name for name in FIELDS if name not in document]
    if missing:
        raise Malformed(path, f"these fields are missing: {', '.join(missing)}")


def _record(document: Document, provider: Provider, *, raw: bytes) -> HistoryRecord:
    round_id = identifier(document["roundId"], "roundId")
    state = one_of(document["status"], STATES, "status")
    currency = _currency(document, provider)
    stake = _amount(document, "bet", currency, provider)
    payout = _amount(document, "prize", currency, provider)
    nothing = Money(0, currency)
    return HistoryRecord(
        record_id=round_id,
        round_id=round_id,
        handle=identifier(document["userId"], "userId"),
        currency=currency,
        stake=nothing if state == "cancelled" else stake,
        payout=payout if state == "closed" else nothing,
        rolled_back=state == "cancelled",
        declared_net=None,
        balance_before=None,
        balance_after=None,
        game=_game(document),
        created_at=instant(document["createdAt"], "createdAt"),
        updated_at=instant(document["updatedAt"], "updatedAt"),
        raw=raw,
    )


def _currency(document: Document, provider: Provider) -> str:
    stated = document.get("currency")
    return provider.currency if stated is None else currency_code(stated, "currency")


def _game(document: Document) -> str | None:
    game = document.get("gameId")
    return None if game is None else label(game, "gameId")


def _amount(document: Document, name: str, currency: str, provider: Provider) -> Money:
    """An amount of at least 0; nothing was stated yet where it is null."""
    value = document[name]
    if value is None and name == "prize":
        return Money(0, currency)
    return stated_amount(value, currency, provider, path=name)
