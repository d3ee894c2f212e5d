"""Asking the hub about one round: the list of its transactions is the evidence."""

import json
from datetime import datetime

from providers.content_hub.launch import client_of
from providers.outbound.access import ApiAccess
from providers.outbound.inquiry import InquiryAnswer
from vocabulary.plurals import counted


async def inquire(access: ApiAccess, key: str, _began: datetime | None) -> InquiryAnswer:
    """Ask for the transactions of a round.

    Raises:
        ApiError: it did not answer, or not as documented.
    """
    transactions = await client_of(access).transactions({"round": key})
    if not transactions:
        return InquiryAnswer(verdict="unknown", reason="it knows no transaction of the round")
    return InquiryAnswer(
        verdict="confirmed",
        reason=f"it has {counted(len(transactions), 'transaction')} of the round",
        page=json.dumps(transactions, sort_keys=True).encode(),
    )
