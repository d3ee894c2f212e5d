"""The provider's log of its webhook calls to us, kept to be cross-checked with our journal."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, text

from providers.outbound.pull import LoggedDelivery

#: Deliveries per statement to the database.
BATCH_ROWS = 5_000
# The log lists a delivery again after each attempt; the latest attempt counts.
_DELIVERIES = """
INSERT INTO provider_deliveries AS d
       (provider, webhook_id, delivery_id, event_type, payload, response_code, response_body,
        success, attempted_at, retry_count, pulled_at)
VALUES (:provider, :webhook_id, :delivery_id, :event_type, :payload, :response_code,
        :response_body, :success, :attempted_at, :retry_count, :pulled_at)
ON CONFLICT ON CONSTRAINT provider_deliveries_pkey DO UPDATE SET
    event_type = EXCLUDED.event_type, payload = EXCLUDED.payload,
    response_code = EXCLUDED.response_code, response_body = EXCLUDED.response_body,
    success = EXCLUDED.success, attempted_at = EXCLUDED.attempted_at,
    retry_count = EXCLUDED.retry_count, pulled_at = EXCLUDED.pulled_at
 WHERE d.retry_count <= EXCLUDED.retry_count
   AND (d.event_type, d.payload, d.response_code, d.response_body, d.success, d.attempted_at,
        d.retry_count)
       IS DISTINCT FROM
       (EXCLUDED.event_type, EXCLUDED.payload, EXCLUDED.response_code, EXCLUDED.response_body,
        EXCLUDED.success, EXCLUDED.attempted_at, EXCLUDED.retry_count)
"""


def store_deliveries(
    connection: Connection,
    provider: str,
    deliveries: Iterable[LoggedDelivery],
    *,
    pulled_at: datetime,
) -> int:
    """Store the deliveries of a log, within the caller's transaction.

    Returns:
        The number of deliveries that are new or have changed.
    """
    rows = iter(deliveries)
    stored = 0
    while batch := list(islice(rows, BATCH_ROWS)):
        params = [
            {**asdict(row), "provider": provider, "pulled_at": pulled_at} for row in batch
        ]
        stored += connection.execute(text(_DELIVERIES), params).rowcount
    return stored
