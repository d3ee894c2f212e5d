"""Asking the platform about one round: its list of transactions is the evidence."""

import json
from datetime import datetime, timedelta

from providers.outbound.access import ApiAccess
from providers.outbound.inquiry import InquiryAnswer
from providers.xigs.launch import client_of
from vocabulary.plurals import counted

_ONE_DAY = timedelta(days=1)


async def inquire(access: ApiAccess, key: str, began: datetime | None) -> InquiryAnswer:
    """Look for a round's transactions, from the day before it to the day after.

    Their days may end at another hour than ours.

    Raises:
        ApiError: it did not answer, or not as documented.
    """
    client = client_of(access)
    since = None if began is None else (began - _ONE_DAY).date()
    until = None if began is None else (began + _ONE_DAY).date()
    try:
        transactions = [
            item.document
            async for item in client.transactions(since=since, until=until)
            if item.document.get("roundId") == key
        ]
    finally:
        await client.close()
    if not transactions:
        return InquiryAnswer(
            verdict="unknown", reason="its list has no transaction of the round"
        )
    page = json.dumps(transactions, sort_keys=True, default=str).encode()
    return InquiryAnswer(
        verdict="confirmed",
        reason=f"its list has {counted(len(transactions), 'transaction')}",
        page=page,
    )
