"""Asking the aggregator about one bet: its answer is the page that shows it."""

from datetime import datetime

from providers.aggregator.feed import UNNAMED
from providers.aggregator.launch import client_of
from providers.options import flag_of
from providers.outbound.access import ApiAccess
from providers.outbound.inquiry import InquiryAnswer
from vocabulary.errors import ApiRefused


async def inquire(access: ApiAccess, key: str, _began: datetime | None) -> InquiryAnswer:
    """Ask whether the aggregator knows a bet.

    Of a round that only its history names, the record's own id is all there is to ask with. The
    document shows such an id in the request; that there is no bet of it says nothing of the
    round.

    Raises:
        ApiError: it did not answer, or not as documented.
    """
    is_bet_id = flag_of(access.provider, "history_id_is_bet_id") or not key.startswith(UNNAMED)
    bet_id = key if is_bet_id else key.removeprefix(UNNAMED)
    try:
        link = (await client_of(access).bet_detail(bet_id)).url
    except ApiRefused as refusal:
        if refusal.status != 404:
            raise
        if is_bet_id:
            return InquiryAnswer(verdict="unknown", reason="it knows no such bet")
        return InquiryAnswer(
            verdict="failed", reason="its history names no bet, and the record's id finds none"
        )
    return InquiryAnswer(verdict="confirmed", reason="it shows the bet", link=link)
