"""Post thousands of callbacks, signed by real PHP and by Node, to a running receiver.

``python -m tests.callbacks.campaign --payloads 20000`` shows what was refused although it was
authentic, accepted although it was altered, or booked with other amounts than were sent.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from ops.engines import servers, valkey_server
from ops.engines.data_directory import locked, open_data_directory
from tests.callbacks.payloads import PLAYERS, SignedCallback, callbacks
from tests.callbacks.php import install
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import SECRET, SETTINGS, LedgerDatabase
from tests.simulation.engines import template

CONNECTIONS = 16
#: Findings shown of each kind.
SHOWN = 10
CAMPAIGN_SETTINGS = f"""{SETTINGS}
[[providers]]
slug = "agent"
dialect = "agent_platform"
currency = "USD"
secrets = ["literal:{SECRET.decode()}"]
[[providers]]
slug = "cards"
dialect = "xigs"
currency = "USD"
secrets = ["literal:{SECRET.decode()}"]
options = {{signature_header = "x-cards-proof"}}
"""
#: How each provider is told that a signature does not hold.
REFUSALS = {
    "agent": (403, b'{"error":"invalid_signature","message":"Invalid request signature"}'),
    "sport": (200, b'{"error":"INVALID_SECURITY_HASH"}'),
    "cards": (401, None),
    "games": (401, b'{"error":"invalid signature"}'),
}


@dataclass(slots=True)
class Verdicts:
    """What went wrong, one line each; ``posted`` counts all requests."""

    posted: int = 0
    refused: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    misbooked: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every authentic callback was booked as sent, and no altered one was."""
        return not (self.refused or self.accepted or self.misbooked)


def play(port: int, books: LedgerDatabase, *, payloads: int, seed: int) -> Verdicts:
    """Post each callback altered, then as signed; compare the books with what was sent."""
    books.player(*PLAYERS, balance="1000000.00")
    sent = list(callbacks(payloads, seed))
    verdicts = asyncio.run(_post_all(port, sent))
    _compare(books, sent, verdicts)
    return verdicts


async def _post_all(port: int, sent: Sequence[SignedCallback]) -> Verdicts:
    verdicts = Verdicts()
    waiting = iter(sent)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def work() -> None:
            for callback in waiting:
                await _post_both(session, callback, verdicts)

        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return verdicts


async def _post_both(
    session: aiohttp.ClientSession, callback: SignedCallback, verdicts: Verdicts
) -> None:
    status, body = await _post(session, callback, callback.altered)
    expected_status, expected_body = REFUSALS[callback.slug]
    if status != expected_status or expected_body not in {None, body}:
        verdicts.accepted.append(f"{callback.key} {status} {body!r}: {callback.means}")
    status, body = await _post(session, callback, callback.body)
    if status != 200 or b'"error":"' in body:
        verdicts.refused.append(f"{callback.key} {status} {body!r}: {callback.means}")
    verdicts.posted += 2


async def _post(
    session: aiohttp.ClientSession, callback: SignedCallback, body: bytes
) -> tuple[int, bytes]:
    path = f"/callbacks/{callback.slug}{callback.route}"
    headers = {"content-type": "application/json", **callback.headers}
    async with session.post(path, data=body, headers=headers) as response:
        return response.status, await response.read()


def _compare(books: LedgerDatabase, sent: Sequence[SignedCallback], verdicts: Verdicts) -> None:
    rows = books.rows("SELECT provider, op_key, stake, payout FROM operations")
    booked = {(slug, key): (stake, payout) for slug, key, stake, payout in rows}
    for callback in sent:
        movement = booked.pop((callback.slug, callback.key), None)
        if movement != (callback.stake, callback.payout):
            text = f"{callback.key} {movement}, not {callback.stake, callback.payout}"
            verdicts.misbooked.append(f"{text}: {callback.means}")
    verdicts.misbooked += [f"never sent: {key}" for key in booked if key[0] in REFUSALS]
    verdicts.misbooked += books.failed_checks()


def main() -> int:
    """Run the campaign on servers of its own; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payloads", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory(prefix="tieout-callbacks-") as folder:
        verdicts = _play_in(Path(folder), options.payloads, options.seed)
    print(f"{verdicts.posted} callbacks posted, half of them altered")
    for name in ("refused", "accepted", "misbooked"):
        lines = getattr(verdicts, name)
        print(f"wrongly {name}: {len(lines)}")
        print("".join(f"  {line}\n" for line in lines[:SHOWN]), end="")
    return 0 if verdicts.is_clean else 1


def _play_in(folder: Path, payloads: int, seed: int) -> Verdicts:
    home = open_data_directory(folder / "valkey")
    try:
        with locked(home):
            valkey_server.start(home)
        with template() as engines, engines.copy("callbacks") as url:
            books = LedgerDatabase(url)
            with harness.receivers(
                folder, url, valkey_server.url(home, 0), settings=CAMPAIGN_SETTINGS
            ) as (client, _):
                verdicts = play(client.port, books, payloads=payloads, seed=seed)
            books.close()
            return verdicts
    finally:
        servers.stop(home.root)


if __name__ == "__main__":
    sys.exit(main())
