"""Every endpoint of the API: the one table."""

from console.api.endpoint import Endpoint
from console.api.resources import (
    break_lists,
    breaks,
    days,
    feeds,
    figures,
    jobs,
    notifications,
    ops,
    packs,
    people,
    records,
    runs,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *days.ENDPOINTS,
    *break_lists.ENDPOINTS,
    *breaks.ENDPOINTS,
    *runs.ENDPOINTS,
    *jobs.ENDPOINTS,
    *feeds.ENDPOINTS,
    *packs.ENDPOINTS,
    *records.ENDPOINTS,
    *figures.ENDPOINTS,
    *ops.ENDPOINTS,
    *notifications.ENDPOINTS,
    *people.ENDPOINTS,
)
