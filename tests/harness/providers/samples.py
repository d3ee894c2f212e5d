"""Golden samples: requests as a provider sends them, what they mean, and every answer to them.

``providers/<dialect>/samples/<case>.http`` is a request: suffix, headers, blank line, body.
``<case>.json`` holds the fact it states and the reply to each verdict. The signatures come from
Node. ``python -m tests.harness.providers.samples`` writes them anew; the difference is read
like code.
"""

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from feeds.statements.reading.table import UnreadableRow
from providers.contract import Callback
from providers.dialect import Dialect
from providers.registry import DIALECTS
from tests.harness.providers.speaker import configured
from tests.harness.providers.speakers import SPEAKERS
from tests.harness.providers.statement_lines import statement_lines
from vocabulary.facts import Fact
from vocabulary.money import Money
from vocabulary.outcomes import Outcome, Verdict

PROVIDERS = Path(__file__).resolve().parents[3] / "providers"
#: Verdicts of requests whose bytes no reply is made of: nobody proved them, or read them.
_UNPROVEN = frozenset(
    {
        Verdict.NOT_AUTHENTIC,
        Verdict.SIGNATURE_MISSING,
        Verdict.ADDRESS_REFUSED,
        Verdict.TOO_LARGE,
        Verdict.TOO_SLOW,
        Verdict.ROUTE_UNKNOWN,
        Verdict.METHOD_WRONG,
        Verdict.UNAVAILABLE,
    }
)


def folder(dialect: str) -> Path:
    """Where a dialect's samples lie."""
    return PROVIDERS / dialect / "samples"


def statements(dialect: str) -> list[Path]:
    """A dialect's sample statements: columns, or one JSON object a line."""
    return sorted(
        path for path in folder(dialect).iterdir() if path.suffix in {".csv", ".jsonl"}
    )


def read_request(path: Path) -> Callback:
    """A sample request as the receiver would hand it on."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    first, *lines = head.decode().split("\n")
    _method, route, _version = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    lowered = {name.lower(): value for name, value in headers.items()}
    return Callback(route=route, headers=lowered, body=body)


def _names_of(value: Struct | UnreadableRow) -> list[str]:
    described = structs if isinstance(value, Struct) else dataclasses
    return [field.name for field in described.fields(value)]


def shown(value: Any) -> Any:
    """A fact or an unreadable row as plain JSON, its kind beside its fields."""
    if isinstance(value, Money):
        return f"{value.minor} {value.currency}"
    if isinstance(value, Struct | UnreadableRow):
        fields = {name: getattr(value, name) for name in _names_of(value)}
        return {"kind": type(value).__name__} | {k: shown(v) for k, v in fields.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [shown(one) for one in value]
    return value.decode() if isinstance(value, bytes) else value


def expected(dialect: Dialect, callback: Callback) -> dict[str, Any]:
    """What the sample's JSON file must say."""
    secret = SPEAKERS[dialect.name].sample_secret
    provider = configured(dialect, secrets=(secret.encode(),))
    fact = dialect.parse(dialect.verify(callback, provider), provider)
    answers = {
        verdict: dialect.respond(_said(verdict, callback, fact), provider)
        for verdict in Verdict
    }
    replies = {
        verdict.value: f"{reply.status} {reply.body.decode()}"
        for verdict, reply in answers.items()
    }
    return {"fact": shown(fact), "replies": replies}


def expected_lines(dialect: Dialect, statement: Path) -> list[Any]:
    """What a sample statement holds, line by line."""
    with statement.open("rb") as stream:
        lines = list(statement_lines(dialect, configured(dialect), stream))
    assert any(isinstance(line, UnreadableRow) for line in lines)
    return [shown(line) for line in lines]


def _said(verdict: Verdict, callback: Callback, fact: Fact) -> Outcome:
    return Outcome(
        verdict=verdict,
        route=callback.route,
        fact=fact,
        transaction_id="txn-1-7",
        balance=Money(29159, "USD"),
        turnover=Money(158038, "USD"),
        body=callback.body if verdict not in _UNPROVEN else b"",
    )


def write() -> None:
    """Write every sample request and what it must give."""
    for name, speaker in SPEAKERS.items():
        for case, request in speaker.samples(speaker.sample_secret):
            path = folder(name) / f"{case}.http"
            path.write_bytes(request)
            _write_json(path, expected(DIALECTS[name], read_request(path)))
        for statement in statements(name):
            _write_json(statement, expected_lines(DIALECTS[name], statement))


def _write_json(beside: Path, document: object) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    beside.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
