"""What the archive of a month has of the feeds: every version received in it, with its line."""

from ledger.archive.months import MonthTable

#: Versions by our clock when they were received, which never changes.
VERSIONS = MonthTable(
    "feed_versions",
    "FROM feed_versions t WHERE t.received_at >= '{since}' AND t.received_at < '{until}'"
    " ORDER BY t.version_id",
)
