"""Look up their side: records, statement files, findings and logged callbacks."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from reports.find.away import away_records
from reports.find.hits import Hit, SearchScope
from reports.find.lookup import at, fetch, match_keys, rows_of_listed_amount, slugs
from reports.find.query import By, Candidate, FoundKind
from vocabulary.plurals import counted

_RECORD = """
SELECT f.provider, f.record_id, f.occurrence, f.round_id, f.handle, f.currency, f.stake,
       f.payout, f.rolled_back, f.created_at, f.received_at, f.source
  FROM {rows} f
 {where} ORDER BY {order} LIMIT :limit
"""
_RECORD_BY_ID = _RECORD.format(
    rows="feed_records",
    where="WHERE f.provider = ANY(CAST(:slugs AS text[])) AND f.record_id = :text",
    order="f.provider, f.record_id, f.occurrence",
)
_RECORD_BY_ROUND = _RECORD.format(
    rows="feed_records",
    where="WHERE f.match_key = ANY(CAST(:match_keys AS bigint[])) AND f.round_id = :text",
    order="f.provider, f.record_id, f.occurrence",
)
_RECORD_BY_AMOUNT = _RECORD.format(
    rows="{rows}",
    where="WHERE f.created_at >= :start AND f.created_at < :end AND f.provider = :slug"
    " AND f.currency = :currency"
    " AND (f.stake = :minor OR f.payout = :minor OR abs(f.payout - f.stake) = :minor)",
    order="f.created_at",  # the order of the index, so that it reads no more than it shows
)
_WITHDRAWN = """
SELECT DISTINCT ON (w.provider, w.record_id, w.occurrence)
       w.provider, w.record_id, w.occurrence, w.round_id, w.handle, w.currency, w.stake,
       w.payout, w.source, w.event, w.changed_by, w.changed_at
  FROM feed_withdrawals w
 WHERE w.provider = ANY(CAST(:slugs AS text[])) AND w.record_id = :text
 ORDER BY w.provider, w.record_id, w.occurrence, w.withdrawal_id DESC LIMIT :limit
"""
_FILE = """
SELECT file_id, provider, feed, name, encode(digest, 'hex') AS digest, size, received_at,
       business_day, verdict, records, refused, replaced_by
  FROM feed_files
 {where} ORDER BY file_id DESC LIMIT :limit
"""
_FILE_BY_NUMBER = _FILE.format(where="WHERE file_id = :number")
_FILE_BY_NAME = _FILE.format(where="WHERE name = :text")
_FINDING = """
SELECT finding_id, provider, feed, kind, severity, file, line, record_id, round_id, detail,
       first_seen, last_seen, resolved_at, resolved_by,
       (SELECT max(f.file_id) FROM feed_files f
         WHERE f.name = feed_findings.file AND f.provider = feed_findings.provider) AS file_id
  FROM feed_findings
 WHERE finding_id >= :text AND finding_id < :beyond ORDER BY finding_id LIMIT :limit
"""
_LOGGED = """
SELECT provider, webhook_id, delivery_id, event_type, response_code, success, attempted_at,
       retry_count
  FROM provider_deliveries
 WHERE provider = ANY(CAST(:slugs AS text[])) AND webhook_id = :webhook
   AND (CAST(:delivery AS text) IS NULL OR delivery_id = :delivery)
 ORDER BY provider, webhook_id, delivery_id LIMIT :limit
"""


def records(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Records by their id or by their round; withdrawn ones too."""
    parameters = {
        "slugs": slugs(scope),
        "match_keys": match_keys(scope, candidate.text),
        "text": candidate.text,
        "limit": scope.limit,
    }
    rows = fetch(connection, _RECORD_BY_ID, parameters)
    rows += fetch(connection, _RECORD_BY_ROUND, parameters)
    withdrawn = [
        row for row in fetch(connection, _WITHDRAWN, parameters) if row["event"] == "withdrawn"
    ]
    return [
        *(_record(row, scope, exact=True) for row in rows),
        *(_withdrawn(row, scope) for row in withdrawn),
        *(away_records(connection, candidate.text, scope) if not rows else ()),
    ]


def records_of_amount(
    connection: Connection, candidate: Candidate, scope: SearchScope
) -> list[Hit]:
    """Records of a day with this stake, payout or difference of both."""
    rows = rows_of_listed_amount(connection, "theirs", _RECORD_BY_AMOUNT, candidate, scope)
    return [_record(row, scope, exact=False) for row in rows]


def _record(row: Mapping[str, Any], scope: SearchScope, *, exact: bool) -> Hit:
    undone = ", rolled back" if row["rolled_back"] else ""
    return Hit(
        kind=FoundKind.RECORD,
        id=_name(row),
        provider=row["provider"],
        summary=f"record of {row['provider']}: {_amounts(row, scope)}{undone}",
        facts={
            "round": row["round_id"],
            "handle": row["handle"],
            "created": at(row["created_at"]) or "",
            "received": f"{at(row['received_at'])} by {row['source']}",
        },
        next=(
            f"tieout breaks list --round {row['round_id']}",
            f"tieout find round {row['round_id']}",
        ),
        exact=exact,
    )


def _withdrawn(row: Mapping[str, Any], scope: SearchScope) -> Hit:
    return Hit(
        kind=FoundKind.RECORD,
        id=_name(row),
        provider=row["provider"],
        summary=f"withdrawn record of {row['provider']}: {_amounts(row, scope)}",
        facts={
            "round": row["round_id"],
            "handle": row["handle"],
            "reported": f"by {row['source']}",
            "withdrawn": f"{at(row['changed_at'])} by {row['changed_by']}",
        },
        next=(
            f"tieout breaks list --round {row['round_id']}",
            f"tieout find round {row['round_id']}",
        ),
    )


def _name(row: Mapping[str, Any]) -> str:
    times = f" (no. {row['occurrence']})" if row["occurrence"] > 1 else ""
    return f"{row['record_id']}{times}"


def _amounts(row: Mapping[str, Any], scope: SearchScope) -> str:
    stake, payout = (
        scope.money(row[name], row["currency"], row["provider"]) for name in ("stake", "payout")
    )
    return f"stake {stake}, payout {payout}"


def files(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Statement files by their number or name, the newest first."""
    if candidate.by is By.NUMBER:
        parameters: dict[str, object] = {"number": int(candidate.text), "limit": scope.limit}
        rows = fetch(connection, _FILE_BY_NUMBER, parameters)
    else:
        parameters = {"text": candidate.text, "limit": scope.limit}
        rows = fetch(connection, _FILE_BY_NAME, parameters)
    return [_file(row) for row in rows]


def _file(row: Mapping[str, Any]) -> Hit:
    number = row["file_id"]
    day = f" of {row['business_day']}" if row["business_day"] else ""
    replaced = f"file {row['replaced_by']}" if row["replaced_by"] else "no other file"
    return Hit(
        kind=FoundKind.FILE,
        id=str(number),
        provider=row["provider"],
        summary=f"statement {row['name']}{day} of {row['provider']}: {row['verdict']},"
        f" {counted(row['records'], 'record')}, "
        f"{counted(row['refused'], 'line refused', 'lines refused')}",
        facts={
            "number": str(number),
            "received": f"{at(row['received_at'])}, {row['size']} bytes",
            "BLAKE2b": row["digest"],
            "replaced by": replaced,
        },
        next=(
            f"tieout feed file {number} COPY",
            "tieout feed status",
        ),
    )


def findings(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Findings about feeds by their id, or its prefix."""
    parameters = {"text": candidate.text, "beyond": candidate.end, "limit": scope.limit}
    return [
        _finding(row, exact=row["finding_id"] == candidate.text)
        for row in fetch(connection, _FINDING, parameters)
    ]


def _finding(row: Mapping[str, Any], *, exact: bool) -> Hit:
    name = row["finding_id"]
    place = f"{row['file']}:{row['line'] or 0}" if row["file"] else row["feed"]
    is_open = row["resolved_at"] is None
    resolve = f"tieout feed resolve {name} --reason WHY"
    subject = row["round_id"] or row["record_id"]
    return Hit(
        kind=FoundKind.FINDING,
        id=name,
        provider=row["provider"],
        summary=f"{row['severity']} in the {row['feed']} feed of {row['provider']}:"
        f" {row['kind'].replace('_', ' ')}",
        facts={
            "place": place,
            "detail": row["detail"],
            **({} if row["file_id"] is None else {"stored file": str(row["file_id"])}),
            "seen": f"{at(row['first_seen'])} to {at(row['last_seen'])}",
            "resolved": "not yet"
            if is_open
            else f"{at(row['resolved_at'])} {row['resolved_by'] or ''}".rstrip(),
        },
        next=(
            *((f"tieout find {subject}",) if subject else ()),
            *((resolve,) if is_open else ()),
        ),
        exact=exact,
    )


def logged(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Callbacks of a provider's own log, by webhook id or webhook/delivery."""
    webhook, _, delivery = candidate.text.partition("/")
    parameters = {
        "slugs": slugs(scope),
        "webhook": webhook,
        "delivery": delivery or None,
        "limit": scope.limit,
    }
    return [
        Hit(
            kind=FoundKind.LOGGED,
            id=f"{row['webhook_id']}/{row['delivery_id']}",
            provider=row["provider"],
            summary=f"{row['event_type']} that {row['provider']} logs as sent:"
            f" {'delivered' if row['success'] else 'failed'}",
            facts={
                "attempted": f"{at(row['attempted_at'])}, attempt {row['retry_count'] + 1}",
                "our answer by their log": str(row["response_code"] or "none"),
            },
            next=("tieout breaks list --kind delivery_missing",),
        )
        for row in fetch(connection, _LOGGED, parameters)
    ]
