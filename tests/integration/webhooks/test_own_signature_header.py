"""Signatures are kept, in a header of the operator's choice, too, and replay verifies them."""

import hmac
import json
from pathlib import Path

from providers.contract import Callback
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import SECRET, SETTINGS, LedgerDatabase, Reply

XIGS = f"""
[[providers]]
slug = "cards"
dialect = "xigs"
currency = "USD"
secrets = ["literal:{SECRET.decode()}"]
options = {{signature_header = "X-Cards-Proof"}}
"""


def ticket(round_id: str, header: str) -> Callback:
    document = {"eventType": "open-round", "roundId": round_id, "userId": "42", "amount": 5}
    body = json.dumps(document).encode()
    signature = hmac.digest(SECRET, body, "sha512").hex()
    return Callback(route="", headers={header: signature}, body=body)


def test_replay_verifies_a_signature_in_another_header_and_under_a_retired_secret(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    books = LedgerDatabase(database)
    books.player("42")
    settings = SETTINGS + XIGS
    with harness.receivers(tmp_path, database, broker_url, settings=settings) as (
        client,
        (process,),
    ):
        accepted = client.post("cards", ticket("r1", "x-cards-proof"))
        refused = client.post("cards", ticket("r2", "x-signed-request"))
        replayed = process.command("ledger", "replay", "--json")

        path = tmp_path / "tieout.toml"
        live, new = f'secrets = ["literal:{SECRET.decode()}"]', 'secrets = ["literal:new"]'
        path.write_text(path.read_text().replace(live, new))
        forgotten = process.command("ledger", "replay", "--json")
        retired = f"{new}\nretired_{live}"
        path.write_text(path.read_text().replace(new, retired))
        proven_by_retired = process.command("ledger", "replay", "--json")

    assert accepted == Reply(200, b'{"status":"success","data":{"balance":95}}')
    assert refused.status == 401
    ((headers,),) = books.rows("SELECT headers FROM operations WHERE op_key = 'open:r1'")
    assert str(headers).startswith("x-cards-proof: ")
    assert replayed.returncode == 0, replayed.stderr
    report = json.loads(replayed.stdout)
    assert report["unverifiable"] == 0, report
    assert report["decided"] == 1, report
    assert json.loads(forgotten.stdout)["unverifiable"] == 1, forgotten.stderr
    assert forgotten.returncode == 1
    assert json.loads(proven_by_retired.stdout)["unverifiable"] == 0
    assert proven_by_retired.returncode == 0
    books.close()
