"""A running receiver: signals, and what floods and outages write into its log."""

import json
import signal
from pathlib import Path
from typing import Any

from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import SETTINGS, Reply, TieoutProcess

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
NOBODY = "redis://127.0.0.1:1/0"
FLOOD = 60
#: What a receiver without a database answers to a callback that it would decide.
PUT_OFF = Reply(200, b'{"error":"INTERNAL_ERROR"}')
PROVIDER = """
[[providers]]
slug = "rotating"
dialect = "sportsbook"
currency = "USD"
secrets = ["file:secret"]
allow_ips = [ALLOWED]
"""


def events(process: TieoutProcess, name: str) -> list[dict[str, Any]]:
    """The events of a name in the log."""
    lines = [json.loads(line) for line in process.log().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def write_settings(folder: Path, *, allowed: str, secret: bytes, options: str = "") -> str:
    (folder / "secret").write_bytes(secret)
    settings = SETTINGS + PROVIDER.replace("ALLOWED", allowed) + options
    (folder / "tieout.toml").write_text(settings, encoding="utf-8")
    return settings


def reload(process: TieoutProcess, event: str) -> None:
    """Send SIGHUP and wait until the receiver has answered it."""
    before = len(events(process, event))
    process.process.send_signal(signal.SIGHUP)
    assert harness.wait_until(lambda: len(events(process, event)) > before)


def test_a_receiver_reloads_secrets_and_addresses_and_logs_floods_by_source(
    tmp_path: Path,
) -> None:
    body = b'{"transaction_id":"OP-1","action":"bet","user_id":"1","currency":"USD"}'
    old, new = (sign_sportsbook("/transaction", body, key) for key in (b"old", b"new"))
    settings = write_settings(tmp_path, allowed='"192.0.2.0/24"', secret=b"old\n")
    with harness.receivers(tmp_path, NO_DATABASE, NOBODY, settings=settings) as (
        client,
        (process,),
    ):

        def post(callback: Any, address: str = "192.0.2.7") -> Reply:
            return client.post("rotating", callback, x_forwarded_for=address)

        with_old = post(old)
        flood = {post(new) for _ in range(FLOOD)}
        elsewhere = {post(old, "198.51.100.9") for _ in range(FLOOD)}
        write_settings(
            tmp_path,
            allowed='"198.51.100.0/24"',
            secret=b"new\n",
            options="[providers.options]\nbad_hash_status = 401\n",
        )
        reload(process, "reload_done")
        after = [post(new, "198.51.100.9"), post(old, "198.51.100.9"), post(new)]
        write_settings(tmp_path, allowed='"no network"', secret=b"other\n")
        reload(process, "reload_refused")
        kept = post(new, "198.51.100.9")
        process.process.send_signal(signal.SIGUSR1)
        process.process.send_signal(signal.SIGUSR2)
        still = post(new, "198.51.100.9")
        code = process.terminate()

    assert with_old == PUT_OFF
    assert PUT_OFF not in flood | elsewhere
    assert [reply == PUT_OFF for reply in after] == [True, False, False]
    assert after[1].status == 200  # an option takes a restart
    assert events(process, "reload_done")[0]["need_restart"] == ["rotating"]
    assert kept == still == PUT_OFF
    assert code == 0
    refused = [event for event in events(process, "callback_refused") if "more" not in event]
    assert (
        len(refused) == 4
    )  # one each: forged, elsewhere, and after the reload the old of both
    assert {event["address"] for event in refused} == {"192.0.2.7", "198.51.100.9"}
    assert {event["provider"] for event in refused} == {"rotating"}
    unavailable = events(process, "batch_unavailable")
    assert unavailable
    assert "out of reach" in unavailable[0]["why"]
    assert len([event for event in unavailable if "more" not in event]) == 1
