"""The compose file says nothing that the code does not know: commands, settings, ports, health.

Each check is a function from the document to findings, and finds a planted violation.
"""

import copy
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from console.app import DRAIN_S
from console.monitoring import Monitoring
from ops.cli import COMMANDS
from ops.commands.daemons.up import GRACE_S
from ops.commands.setup.init import EXAMPLE
from ops.probe import READY_PATH
from ops.settings.loader import load
from ops.settings.model import Settings
from ops.settings.urls import checked_broker
from storage.engine import open_engine
from tests.meta.tree import dockerfile
from vocabulary.errors import SettingsInvalid
from webhooks.health import Health
from webhooks.metrics import ReceiverMetrics

ROOT = Path(__file__).parents[2]
Document = dict[str, Any]
Check = Callable[[Document], list[str]]

PLACEHOLDER = re.compile(r"\$\{\w+(?::-([^}]*)|[^}]*)\}")
ALTERNATIVE = re.compile(r"TIEOUT_BROKER__URL=(\S+) docker compose --profile (\w+) ")
PROBE = ["CMD", "python", "-m", "ops.probe"]
EXTERNAL = {"postgres": "postgresql://", "valkey": "redis://"}


def read() -> Document:
    document: Document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def built(document: Document) -> Iterator[tuple[str, Document]]:
    """The services that run our image."""
    return ((name, each) for name, each in document["services"].items() if "build" in each)


def filled(text: str) -> str:
    """The text as compose would fill it in: with its default, or with something."""
    return PLACEHOLDER.sub(lambda found: found[1] or "filled", text)


def settings_of(service: Document) -> Settings:
    environ = {name: filled(str(text)) for name, text in service["environment"].items()}
    environ.pop("TIEOUT_CONFIG")
    environ.pop("PGPASSWORD", None)  # the drivers read it
    return load(EXAMPLE, environ)


def unknown_commands(document: Document) -> list[str]:
    return [
        f"{name}: no command {service.get('command')}"
        for name, service in built(document)
        if service.get("command", [None])[0] not in COMMANDS
    ]


def missing_daemons(document: Document) -> list[str]:
    run = [service["command"][0] for _, service in built(document)]
    needed = ["migrate", "receiver", "worker", "scheduler", "console"]
    return [
        f"{command} runs {run.count(command)} times"
        for command in needed
        if run.count(command) != 1
    ]


def wrong_settings(document: Document) -> list[str]:
    findings = []
    for name, service in built(document):
        try:
            settings_of(service)
        except SettingsInvalid as error:
            findings += [f"{name}: {problem}" for problem in error.problems]
    return findings


def unchecked_daemons(document: Document) -> list[str]:
    """Every daemon has a health check; one by a heartbeat names the file that it is told."""
    findings = []
    for name, service in built(document):
        command, test = service["command"], service.get("healthcheck", {}).get("test", [])
        if service.get("restart") == "no":
            continue
        pulse = command[command.index("--pulse") + 1] if "--pulse" in command else None
        if not test or (pulse is not None and pulse not in test):
            findings.append(f"{name}: its health check {test} does not read {pulse}")
    return findings


def passwords_in_urls(document: Document) -> list[str]:
    """A URL holds no password, which any character could end."""
    return [
        f"{name}: {variable}"
        for name, service in built(document)
        for variable, value in service["environment"].items()
        if variable.endswith("_URL") and "PASSWORD" in str(value)
    ]


def loose_containers(document: Document) -> list[str]:
    """Ours write nowhere but to memory or volumes; none has capabilities it does not need."""
    return [
        f"{name}: {what}"
        for name, service in document["services"].items()
        for what, holds in {
            "its log grows without bound": "max-size"
            in service.get("logging", {}).get("options", {}),
            "has capabilities": service.get("cap_drop") == ["ALL"],
            "gains privileges": "no-new-privileges:true" in service.get("security_opt", ()),
            "its root can be written": service.get("read_only") is True
            or "build" not in service,
        }.items()
        if not holds
    ]


def unscalable_services(document: Document) -> list[str]:
    """Receivers and workers can be scaled: none takes one port of the host."""
    return [
        f"{name}: {published}"
        for name in ("receiver", "worker")
        for published in document["services"][name].get("ports", ())
        if "-" not in published.rpartition(":")[0]
    ]


def wrong_metrics_port(document: Document) -> list[str]:
    service = document["services"]["scheduler"]
    metrics = settings_of(service).metrics
    inside = {published.rpartition(":")[2] for published in service.get("ports", ())}
    return [] if inside == {str(metrics.port)} else [f"published {inside}, not {metrics.port}"]


def unmounted_settings(document: Document) -> list[str]:
    return [
        f"{name}: nothing is mounted at its TIEOUT_CONFIG"
        for name, service in built(document)
        if f":{service['environment']['TIEOUT_CONFIG']}:ro" not in "".join(service["volumes"])
    ]


def wrong_engines(document: Document) -> list[str]:
    """The URLs name services of this file; nothing would be embedded in a container."""
    findings = []
    for name, service in built(document):
        environment = service["environment"]
        urls = [environment["TIEOUT_DATABASE__URL"], environment["TIEOUT_BROKER__URL"]]
        for (engine, scheme), url in zip(EXTERNAL.items(), urls, strict=True):
            host = filled(url).removeprefix(scheme).split("@")[-1].split(":")[0]
            if host != engine or engine not in document["services"]:
                findings.append(f"{name}: {engine} is looked for at {host}")
    return findings


def wrong_alternative(document: Document) -> list[str]:
    """The other broker is where the file's head says, and lets in whom it says."""
    told = ALTERNATIVE.search((ROOT / "docker-compose.yml").read_text())
    if told is None:
        return ["the file does not say how to choose the other broker"]
    url, profile = urlsplit(checked_broker(told[1])), told[2]
    service = document["services"].get(url.hostname, {})
    expected = {"profiles": [profile], "user": url.username}
    found = {
        "profiles": service.get("profiles"),
        "user": service.get("environment", {}).get("RABBITMQ_DEFAULT_USER"),
    }
    return [
        f"{url.hostname}: {name} {found[name]}, the file's head says {value}"
        for name, value in expected.items()
        if found[name] != value
    ]


def wrong_ports(document: Document) -> list[str]:
    return [
        finding
        for name in ("receiver", "console")
        for finding in wrong_ports_of(name, document["services"][name])
    ]


def wrong_ports_of(name: str, service: Document) -> list[str]:
    settings = getattr(settings_of(service), name)
    inside = {published.rpartition(":")[2] for published in service["ports"]}
    checked = {service["healthcheck"]["test"][-1]}
    exposed = set(re.findall(r"^EXPOSE (\d+)$", dockerfile(), re.MULTILINE))
    port = str(settings.port)
    return [
        f"{what} {ports}, the {name} listens on {port}"
        for what, ports in {"published": inside, "checked": checked}.items()
        if ports != {port}
    ] + [
        *([] if port in exposed else [f"exposed {exposed}, the {name} listens on {port}"]),
        *([] if settings.host == "0.0.0.0" else [f"the {name} listens on its own loopback"]),
    ]


async def nothing() -> None:
    """A readiness check that finds nothing."""


def unknown_probes(document: Document) -> list[str]:
    """Our services are checked by what imports little, and where they answer."""
    known = {route.path for route in Health(nothing, ReceiverMetrics()).routes(metrics=True)}
    pages = Monitoring(open_engine("postgresql://nowhere/nothing"), ThreadPoolExecutor(1))
    assert READY_PATH in {route.path for route in pages.routes()} <= known
    kinds = {"receiver": "ready", "console": "ready", "worker": "progress"}
    return [
        f"{name}: checked by {test}"
        for name, kind in {**kinds, "scheduler": "progress"}.items()
        for test in [document["services"][name]["healthcheck"]["test"]]
        if test[:-1] != [*PROBE, kind]
    ]


def wrong_dependencies(document: Document) -> list[str]:
    services = document["services"]
    holds: dict[str, Callable[[Document], bool]] = {
        "service_healthy": lambda service: "healthcheck" in service,
        "service_completed_successfully": lambda service: service.get("restart") == "no",
    }
    return [
        f"{name}: {needed} is never {wanted['condition']}"
        for name, service in services.items()
        for needed, wanted in service.get("depends_on", {}).items()
        if needed not in services or not holds[wanted["condition"]](services[needed])
    ]


def impatient_stops(document: Document) -> list[str]:
    """Nothing is killed before its own patience ends."""
    services = document["services"]
    receiver = settings_of(services["receiver"]).receiver
    drain_s = (receiver.drain_delay + receiver.drain_timeout).total_seconds()
    patience = {
        "receiver": drain_s,
        "worker": GRACE_S,
        "scheduler": GRACE_S,
        "console": DRAIN_S,
    }
    return [
        f"{name} is killed after {services[name].get('stop_grace_period')}"
        for name, needed_s in patience.items()
        if int(services[name].get("stop_grace_period", "0s").removesuffix("s")) <= needed_s
    ]


CHECKS: list[Check] = [
    unknown_commands,
    missing_daemons,
    wrong_settings,
    unmounted_settings,
    wrong_engines,
    wrong_alternative,
    wrong_ports,
    unknown_probes,
    wrong_dependencies,
    impatient_stops,
    unchecked_daemons,
    passwords_in_urls,
    loose_containers,
    unscalable_services,
    wrong_metrics_port,
]

VIOLATIONS: dict[str, tuple[Check, tuple[str, ...], object]] = {
    "an unknown command": (unknown_commands, ("worker", "command"), ["werker"]),
    "no command": (unknown_commands, ("worker", "command"), [None]),
    "a daemon too few": (missing_daemons, ("worker", "command"), ["scheduler"]),
    "an unknown setting": (
        wrong_settings,
        ("receiver", "environment", "TIEOUT_RECEIVER__HOSTNAME"),
        "0.0.0.0",
    ),
    "a wrong value": (
        wrong_settings,
        ("receiver", "environment", "TIEOUT_RECEIVER__PORT"),
        "many",
    ),
    "settings at another place": (
        unmounted_settings,
        ("worker", "volumes"),
        ["./tieout.toml:/etc/tieout.toml:ro"],
    ),
    "an engine of another name": (
        wrong_engines,
        ("worker", "environment", "TIEOUT_BROKER__URL"),
        "redis://redis:6379/0",
    ),
    "another profile": (wrong_alternative, ("rabbitmq", "profiles"), ["queues"]),
    "another port": (wrong_ports, ("receiver", "environment", "TIEOUT_RECEIVER__PORT"), "9000"),
    "another published port": (wrong_ports, ("receiver", "ports"), ["8080:80"]),
    "another port of the console": (wrong_ports, ("console", "ports"), ["8090:80"]),
    "its own loopback": (
        wrong_ports,
        ("receiver", "environment", "TIEOUT_RECEIVER__HOST"),
        "127.0.0.1",
    ),
    "a probe that imports the command line": (
        unknown_probes,
        ("worker", "healthcheck", "test"),
        ["CMD", "tieout", "queue", "alive", "/run/tieout/worker.pulse"],
    ),
    "a probe of another port": (
        wrong_ports,
        ("receiver", "healthcheck", "test"),
        [*PROBE, "ready", "8090"],
    ),
    "an engine without a check": (wrong_dependencies, ("valkey", "healthcheck"), None),
    "a migration without an end": (wrong_dependencies, ("migrate", "restart"), "always"),
    "a worker that nobody checks": (unchecked_daemons, ("worker", "healthcheck"), None),
    "another heartbeat": (
        unchecked_daemons,
        ("scheduler", "command"),
        ["scheduler", "--pulse", "/tmp/other"],
    ),
    "a password in a URL": (
        passwords_in_urls,
        ("console", "environment", "TIEOUT_DATABASE__URL"),
        "postgresql://tieout:${POSTGRES_PASSWORD}@postgres:5432/tieout",
    ),
    "a log without a limit": (loose_containers, ("valkey", "logging"), {"driver": "json-file"}),
    "a root that can be written": (loose_containers, ("worker", "read_only"), False),
    "one port for all receivers": (
        unscalable_services,
        ("receiver", "ports"),
        ["127.0.0.1:8080:8080"],
    ),
    "metrics at another port": (wrong_metrics_port, ("scheduler", "ports"), ["9092:9092"]),
    "too little patience": (impatient_stops, ("receiver", "stop_grace_period"), "15s"),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_compose_file_agrees_with_the_code(check: Check) -> None:
    assert check(read()) == []


@pytest.mark.parametrize("planted", VIOLATIONS)
def test_a_planted_violation_is_found(planted: str) -> None:
    check, place, value = VIOLATIONS[planted]
    document = copy.deepcopy(read())
    target = document["services"]
    for part in place[:-1]:
        # YAML anchors share one object: plant in this service only.
        target[part] = copy.deepcopy(target[part])
        target = target[part]
    if value is None:
        del target[place[-1]]
    else:
        target[place[-1]] = value

    assert check(document)


def test_every_check_has_a_planted_violation() -> None:
    assert {check for check, _, _ in VIOLATIONS.values()} == set(CHECKS)


def test_every_image_names_its_version() -> None:
    images = [
        service["image"] for service in read()["services"].values() if "build" not in service
    ]
    base = re.findall(r"^FROM (\S+)$", dockerfile(), re.MULTILINE)

    assert [image for image in [*images, *base] if not re.search(r":\d", image)] == []
