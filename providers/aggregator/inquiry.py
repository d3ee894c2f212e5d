"""Asking the aggregator about one bet: its answer is the page that shows it."""

from datetime import datetime

from providers.aggregator.launch import client_of
from providers.outbound.access import ApiAccess
from providers.outbound.inquiry import InquiryAnswer
from vocabulary.errors import ApiRefused


async def inquire(access: ApiAccess, key: str, _began: datetime | None) -> InquiryAnswer:
    """Ask whether the aggregator knows a bet.

    Raises:
        ApiError: it did not answer, or not as documented.
    """
    try:
        link = (await client_of(access).bet_detail(key)).url
    except ApiRefused as refusal:
        if refusal.status != 404:
            raise
        return InquiryAnswer(verdict="unknown", reason="it knows no such bet")
    return InquiryAnswer(verdict="confirmed", reason="it shows the bet", link=link)
