"""Records of the aggregator's history, which is pushed round by round.

The sender computes amounts in floating point. They are read at currency scale: a value no
further than ``NOISE_MAX`` of a minor unit from a whole number of minor units is that number;
anything else is refused, not rounded. The record keeps the line as received.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN

from providers.aggregator.amounts import decimal_of
from providers.contract import Provider
from providers.options import flag_of
from providers.wire.decode import Json
from providers.wire.fields import history_instant, identifier, label, one_of
from providers.wire.floats import NOISE_MAX
from vocabulary.currencies import digits_of
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.money import MINOR_MAX, Money

HISTORY_FIELDS = frozenset(
    {
        "_id",
        "type",
        "provider",
        "game",
        "game_id",
        "user_agent",
        "before_balance",
        "after_balance",
        "used_balance",
        "receive_balance",
        "winlose",
        "createdAt",
        "updatedAt",
    }
)

#: Before the id of a record, the name of its round where the bet's id is not known.
UNNAMED = "history:"


def history_record(
    document: Mapping[str, Json], provider: Provider, *, raw: bytes
) -> HistoryRecord:
    """Read one pushed record whose field set was checked.

    Where ``_id`` is not the bet's id, the round is named ``history:<_id>``. No operation has
    that name, so the round is matched by player, amounts and time.

    Raises:
        Malformed: a field is not of its documented type, or a stake or payout is negative.
    """
    record_id = identifier(document["_id"], "_id")
    one_of(document["type"], ("create", "update"), "type")
    label(document["provider"], "provider")
    identifier(document["game_id"], "game_id")
    same_id = flag_of(provider, "history_id_is_bet_id")
    return HistoryRecord(
        record_id=record_id,
        round_id=record_id if same_id else f"{UNNAMED}{record_id}",
        handle=identifier(document["user_agent"], "user_agent"),
        currency=provider.currency,
        stake=_unsigned(document, "used_balance", provider),
        payout=_unsigned(document, "receive_balance", provider),
        rolled_back=False,
        declared_net=_settled(document, "winlose", provider),
        balance_before=_settled(document, "before_balance", provider),
        balance_after=_settled(document, "after_balance", provider),
        game=label(document["game"], "game"),
        created_at=history_instant(document["createdAt"], "createdAt"),
        updated_at=history_instant(document["updatedAt"], "updatedAt"),
        raw=raw,
    )


def _unsigned(document: Mapping[str, Json], name: str, provider: Provider) -> Money:
    money = _settled(document, name, provider)
    if money.minor < 0:
        raise Malformed(name, "an amount of at least 0 is expected")
    return money


def _settled(document: Mapping[str, Json], name: str, provider: Provider) -> Money:
    """A signed amount at currency scale, without float noise."""
    exponent = digits_of(provider.currency, provider.exponents)
    scaled = decimal_of(document[name], name).scaleb(exponent)
    whole = scaled.to_integral_value(ROUND_HALF_EVEN)
    if abs(scaled - whole) > NOISE_MAX:
        raise Malformed(name, f"an amount with at most {exponent} decimals is expected")
    if abs(whole) > MINOR_MAX:
        raise Malformed(name, "the amount is out of range")
    return Money(int(whole), provider.currency)
