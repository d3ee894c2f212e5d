"""A headless Chromium and a local web server for its pages."""

import contextlib
import functools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.external.servers import install

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
#: Longest wait for anything in the browser, in seconds.
TIMEOUT_S = 300
SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-default-apps", "--disable-extensions", "--mute-audio"),
    "--force-prefers-reduced-motion",
)


@dataclass(frozen=True, slots=True)
class Site:
    """A folder served on a free port, and the paths requested from it."""

    url: str
    requested_paths: list[str]


class _Handler(SimpleHTTPRequestHandler):
    """Serves files and records the requested paths."""

    def __init__(self, *arguments: Any, requested_paths: list[str], **options: Any) -> None:
        self._requested_paths = requested_paths
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        self._requested_paths.append(self.path)
        super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")  # always load the current file
        super().end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Log nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Site]:
    """Serve a folder on the loopback interface until the block ends."""
    requested_paths: list[str] = []
    handler = functools.partial(
        _Handler, requested_paths=requested_paths, directory=str(folder)
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Site(f"http://127.0.0.1:{server.server_port}", requested_paths)
        finally:
            server.shutdown()
            thread.join()


class Browser:
    """Chromium with short methods for tests."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str, *, width: int = 1440) -> None:
        """Load a page in a viewport of this width, in pixels."""
        self.set_width(width)
        self.driver.get(url)

    def set_width(self, width: int) -> None:
        """Set the viewport width, in pixels."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def set_media(self, kind: str) -> None:
        """Render for ``screen`` or ``print``."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind})

    def evaluate(self, script: str, *arguments: object) -> Any:
        """Run a script; returns its result."""
        return self.driver.execute_script(script, *arguments)

    def _log(self, name: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(name)  # type: ignore[no-untyped-call]
        return entries

    def console_messages(self) -> list[str]:
        """The console messages since the last call."""
        return [str(entry["message"]) for entry in self._log("browser")]

    def requested_urls(self) -> list[str]:
        """The URLs requested since the last call."""
        events = [json.loads(e["message"])["message"] for e in self._log("performance")]
        requests = [event for event in events if event["method"] == "Network.requestWillBeSent"]
        return [str(event["params"]["request"]["url"]) for event in requests]


def _options(profile: Path) -> Options:
    options = Options()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES, f"--user-data-dir={profile}"):
        options.add_argument(switch)
    logs = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    return options


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser with a fresh profile."""
    install()
    driver = webdriver.Chrome(
        options=_options(tmp_path_factory.mktemp("profile")), service=Service(DRIVER)
    )
    driver.set_page_load_timeout(TIMEOUT_S)
    driver.set_script_timeout(TIMEOUT_S)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
