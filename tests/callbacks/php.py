"""Signatures made by a real PHP, of Debian's package."""

import base64
import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("sign.php")
#: Longest time for one batch, in seconds; thousands of payloads take under one.
TIMEOUT_S = 120

#: PHP's constants.
UNESCAPED_SLASHES, UNESCAPED_UNICODE = 64, 256
PRESERVE_ZERO_FRACTION, UNESCAPED_LINE_TERMINATORS = 1024, 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSign:
    """One payload and how its provider sends and signs it; see ``sign.php``."""

    payload: str
    sort: bool
    body: int
    sign: int | None
    precision: int
    digest: str
    bom: bool
    secret: str


def install() -> None:
    """Have PHP installed; quick when it is."""
    done = subprocess.run([ROOT / ".ci" / "servers"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def sign(requests: Iterable[ToSign]) -> list[tuple[bytes, str]]:
    """The body and the signature of each request."""
    lines = "".join(json.dumps(asdict(request)) + "\n" for request in requests)
    result = subprocess.run(
        ["php", str(SCRIPT)], input=lines, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert result.returncode == 0, result.stderr
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    return [(base64.b64decode(answer["body"]), answer["signature"]) for answer in answers]
