"""Golden samples: requests as a provider sends them, what they mean, and every answer to them.

``providers/<dialect>/samples/<case>.http`` is a request: suffix, headers, blank line, body.
``<case>.json`` holds the fact it states and the reply to each verdict. The signatures come from
Node. ``python -m tests.harness.providers.samples`` writes them anew; the difference is read
like code.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from providers.contract import Callback, Unreadable
from providers.dialect import Dialect
from providers.registry import DIALECTS
from tests.harness.providers.agent_platform import sample_requests
from tests.harness.providers.aggregator import FORM, JSON, SAMPLES
from tests.harness.providers.signers import SPEAKERS, configured
from tests.harness.providers.xigs import webhook_samples
from tests.harness.servers.node import javascript_hashes, javascript_signatures
from vocabulary.facts import Fact
from vocabulary.money import Money
from vocabulary.outcomes import Outcome, Verdict

SECRET = "sample-secret"
PROVIDERS = Path(__file__).resolve().parents[3] / "providers"


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


def shown(value: Any) -> Any:
    """A fact as plain JSON, its kind beside its fields."""
    if isinstance(value, Money):
        return f"{value.minor} {value.currency}"
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__} | {k: shown(v) for k, v in fields.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [shown(one) for one in value]
    return value.decode() if isinstance(value, bytes) else value


def expected(dialect: Dialect, came: Callback) -> dict[str, Any]:
    """What the sample's JSON file must say."""
    asked = configured(dialect, secrets=(SECRET.encode(),))
    fact = dialect.parse(dialect.verify(came, asked), asked)
    answers = {
        verdict: dialect.respond(_said(verdict, came, fact), asked) for verdict in Verdict
    }
    replies = {
        verdict.value: f"{answer.status} {answer.body.decode()}"
        for verdict, answer in answers.items()
    }
    return {"fact": shown(fact), "replies": replies}


def expected_lines(dialect: Dialect, statement: Path) -> list[Any]:
    """What a sample statement holds, line by line."""
    assert dialect.statement is not None
    with statement.open("rb") as stream:
        lines = list(dialect.statement.read(stream, configured(dialect)))
    assert any(isinstance(line, Unreadable) for line in lines)
    return [shown(line) for line in lines]


def _said(verdict: Verdict, came: Callback, fact: Fact) -> Outcome:
    return Outcome(
        verdict=verdict,
        route=came.route,
        fact=fact,
        transaction_id="txn-1-7",
        balance=Money(29159, "USD"),
        turnover=Money(158038, "USD"),
    )


def _request(route: str, headers: Mapping[str, str], body: str) -> bytes:
    lines = [f"POST {route} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\n".join(lines) + "\n\n" + body).encode()


def _agent_platform() -> Iterator[tuple[str, bytes]]:
    cases = list(sample_requests())
    signatures = javascript_hashes([signed for _, _, signed in cases], SECRET)
    for (case, body, _signed), signature in zip(cases, signatures, strict=True):
        yield case, _request("", {"Content-Type": JSON, "X-Signature": signature}, body)


def _aggregator() -> Iterator[tuple[str, bytes]]:
    texts = {
        route.strip("/").replace("-", "_"): (route, json.dumps(document))
        for route, document in SAMPLES.items()
    }
    spelt = json.dumps(SAMPLES["/bet"]).replace('"balance": 5', '"balance": 5.10e0')
    texts["bet_spelt_numbers"] = ("/bet", spelt)
    signed = javascript_signatures([text for _, text in texts.values()], SECRET)
    for (case, (route, text)), (_printed, hex_digest) in zip(
        texts.items(), signed, strict=True
    ):
        body = f'{text[:-1]}, "hmac": "{hex_digest}"}}'
        yield case, _request(route, {"Content-Type": JSON}, body)
    fields = {name: str(value) for name, value in SAMPLES["/bet"].items()}
    ((_printed, hex_digest),) = javascript_signatures([json.dumps(fields)], SECRET)
    form = "&".join(
        f"{name}={value}" for name, value in (fields | {"hmac": hex_digest}).items()
    )
    yield "bet_form", _request("/bet", {"Content-Type": FORM}, form)


def _sportsbook() -> Iterator[tuple[str, bytes]]:
    valid = {route: body.decode() for route, body in SPEAKERS["sportsbook"].valid.items()}
    bet = valid["/transaction"]
    unquoted = bet.replace('"10.00"', "10.5")
    cases = {
        "bet": ("/transaction", "X-Security-Hash", bet),
        "bet_header_of_the_samples": ("/transaction", "X-Securty-Hash", bet),
        "bet_amount_unquoted": ("/transaction", "X-Security-Hash", unquoted),
        "result": ("/transaction", "X-Security-Hash", bet.replace('"bet"', '"result"')),
        "rollback": (
            "/transaction-rollback",
            "X-Security-Hash",
            valid["/transaction-rollback"],
        ),
    }
    hashes = javascript_hashes([body for _, _, body in cases.values()], SECRET)
    for (case, (route, header, body)), hash_text in zip(cases.items(), hashes, strict=True):
        yield case, _request(route, {"Content-Type": JSON, header: hash_text}, body)


def _xigs() -> Iterator[tuple[str, bytes]]:
    for case, headers, body in webhook_samples(SECRET):
        yield case, _request("", headers, body)


REQUESTS = {
    "agent_platform": _agent_platform,
    "aggregator": _aggregator,
    "sportsbook": _sportsbook,
    "xigs": _xigs,
}


def write() -> None:
    """Write every sample request and what it must give."""
    for name, cases in REQUESTS.items():
        for case, request in cases():
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
