"""What ``deploy/`` holds works: units in systemd's eyes, rules in Prometheus', a real nginx."""

import http.client
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped] # no types come with it
import pytest
import yaml

from providers.contract import Callback
from tests.external.servers import HOST, Certificate, Server, install
from tests.harness.dialects.sportsbook import sign_sportsbook
from tests.harness.servers import receiver as harness
from tests.harness.servers.ports import free_port
from tests.harness.servers.receiver import SECRET, LedgerDatabase

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(path.name for path in (DEPLOY / "systemd").glob("*.service"))
#: Ten times the exposure that ``systemd-analyze security`` may find.
EXPOSURE_MAX = 30
SITE = "callbacks.example.com"
#: What nobody outside may ask.
HIDDEN = ("/metrics", "/readyz", "/livez", "/")
REFUSED = (
    'tieout_callbacks_total{provider="sport-fenced",route="/transaction",'
    'verdict="address_refused"}'
)

pytestmark = pytest.mark.timeout(600)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units, with a program that this machine has."""
    install()
    folder = tmp_path_factory.mktemp("units")
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/tieout/.venv/bin/tieout", sys.executable)
        (folder / path.name).write_text(text)
    return folder


def test_every_daemon_and_the_migration_have_a_unit_that_systemd_understands(
    units: Path,
) -> None:
    verified = run("systemd-analyze", "verify", *sorted(units.iterdir()))

    assert UNITS == [
        "tieout-console.service",
        "tieout-migrate.service",
        "tieout-receiver@.service",
        "tieout-scheduler.service",
        "tieout-worker@.service",
    ]
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_exposes_little(units: Path, name: str) -> None:
    scored = run(
        *("systemd-analyze", "security", "--offline=true", "--no-pager"),
        *(f"--threshold={EXPOSURE_MAX}", units / name),
    )

    assert scored.returncode == 0, scored.stdout + scored.stderr
    assert re.search(r"Overall exposure level .*: [0-2]\.\d OK", scored.stdout)


def test_a_unit_without_its_hardening_is_found(units: Path, tmp_path: Path) -> None:
    text = (units / "tieout-scheduler.service").read_text()
    weak = tmp_path / "tieout-weak.service"
    weak.write_text(text.partition("# Hardening")[0])

    scored = run(
        *("systemd-analyze", "security", "--offline=true", "--no-pager"),
        *(f"--threshold={EXPOSURE_MAX}", weak),
    )

    assert scored.returncode != 0


def test_every_alert_rule_is_tried_by_promtool_and_does_what_its_test_says() -> None:
    install()
    tried = {
        check["alertname"]
        for test in yaml.safe_load((DEPLOY / "alerts.test.yml").read_text())["tests"]
        for check in test["alert_rule_test"]
        if check["exp_alerts"]
    }
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]

    checked = run("promtool", "check", "rules", DEPLOY / "alerts.yml")
    tested = run("promtool", "test", "rules", DEPLOY / "alerts.test.yml")

    assert tried == {rule["alert"] for group in rules for rule in group["rules"]}
    assert checked.returncode == 0, checked.stderr
    assert tested.returncode == 0, tested.stderr


def test_a_rule_that_no_longer_fires_is_found(tmp_path: Path) -> None:
    install()
    rules = (DEPLOY / "alerts.yml").read_text()
    (tmp_path / "alerts.yml").write_text(rules.replace("tieout_up == 0", "tieout_up == 2"))
    (tmp_path / "alerts.test.yml").write_text((DEPLOY / "alerts.test.yml").read_text())

    tested = run("promtool", "test", "rules", tmp_path / "alerts.test.yml")

    assert tested.returncode != 0
    assert "TieoutServiceDown" in tested.stderr


class Nginx(Server):
    """nginx with our site, its ports and certificate exchanged."""

    port = 0

    def __init__(self, folder: Path, tls: Certificate, receiver_port: int) -> None:
        super().__init__(folder, tls)
        self._receiver_port = receiver_port

    def choose_ports(self) -> None:
        self.port = free_port()
        site = (DEPLOY / "nginx.conf").read_text()
        for pattern, text in (
            (r"listen 443 ", f"listen {HOST}:{self.port} "),
            (r"listen \[::\]:443 .*;\n", ""),
            (r"127\.0\.0\.1:8080", f"{HOST}:{self._receiver_port}"),
            (r"/etc/ssl/tieout/\w+\.crt", str(self.tls.certificate)),
            (r"/etc/ssl/tieout/\w+\.key", str(self.tls.key)),
        ):
            site, changes = re.subn(pattern, text, site)
            assert changes, pattern
        paths = "\n".join(
            f"{name}_temp_path {self.folder}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(
            f"daemon off;\npid {self.folder}/pid;\nerror_log {self.folder}/error.log;\n"
            f"events {{}}\nhttp {{\naccess_log off;\n{paths}\n{site}\n}}\n"
        )

    def commands(self) -> list[list[str]]:
        return [["/usr/sbin/nginx", "-c", str(self.folder / "nginx.conf")]]

    def checked(self) -> subprocess.CompletedProcess[str]:
        return run("/usr/sbin/nginx", "-t", "-c", self.folder / "nginx.conf")

    def answers(self) -> bool:
        try:
            with self.connection():
                return True
        except OSError:
            return False

    @contextmanager
    def connection(self) -> Iterator[http.client.HTTPSConnection]:
        context = ssl.create_default_context(cafile=str(self.tls.certificate))
        opened = http.client.HTTPSConnection(HOST, self.port, context=context, timeout=60)
        try:
            opened.connect()
            yield opened
        finally:
            opened.close()


def bet(number: int) -> Callback:
    body = (
        f'{{"transaction_id":"OP-{number}","action":"bet","user_id":"42",'
        '"currency":"USD","amount":"1.00"}'
    ).encode()
    return sign_sportsbook("/transaction", body, SECRET)


def ask(connection: http.client.HTTPSConnection, slug: str, callback: Callback) -> int:
    """Send a callback that claims to be forwarded for an allowed address."""
    headers = {**callback.headers, "Host": SITE, "X-Forwarded-For": "203.0.113.9"}
    path = f"/callbacks/{slug}{callback.route}"
    connection.request("POST", path, body=callback.body, headers=headers)
    reply = connection.getresponse()
    reply.read()
    return reply.status


def get(connection: http.client.HTTPSConnection, path: str) -> int:
    connection.request("GET", path, headers={"Host": SITE})
    reply = connection.getresponse()
    reply.read()
    return reply.status


def connections_to(port: int) -> list[object]:
    """The TCP connections of this machine that lead to a port, open or just closed."""
    return [
        each for each in psutil.net_connections("tcp") if each.raddr and each.raddr.port == port
    ]


def test_callbacks_come_through_nginx_and_nothing_else_does(
    database: str, broker_url: str, certificate: Certificate, place: Path, tmp_path: Path
) -> None:
    books = LedgerDatabase(database)
    books.player("42")
    with harness.receivers(tmp_path, database, broker_url) as (client, _):
        nginx = Nginx(place / "nginx", certificate, client.port)
        try:
            nginx.start()
            checked = nginx.checked()
            with nginx.connection() as connection:
                answers = [ask(connection, "sport", bet(number)) for number in range(5)]
                ask(connection, "sport-fenced", bet(9))
                hidden = [get(connection, path) for path in HIDDEN]
            kept = connections_to(client.port)
        finally:
            nginx.end()
        direct = client.request("GET", "/metrics").status
        refused = client.metric(REFUSED)
    books.close()

    assert checked.returncode == 0, checked.stderr
    assert answers == [200] * 5
    assert books.rows("SELECT count(*) FROM operations WHERE kind = 'bet'") == [(5,)]
    # The receiver believes nginx, which does not pass on the address that was claimed.
    assert refused == 1
    assert hidden == [404] * 4
    assert direct == 200
    assert len(kept) == 1
