"""A real browser without a window, and pages served to it from this machine only."""

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
PATIENCE_S = 60
SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-default-apps", "--disable-extensions", "--mute-audio"),
    "--force-prefers-reduced-motion",
)


@dataclass(frozen=True, slots=True)
class Site:
    """A folder served on a free port, and every path that was asked for."""

    url: str
    asked: list[str]


class _Handler(SimpleHTTPRequestHandler):
    """Serve files; say nothing."""

    def __init__(self, *words: Any, asked: list[str], **more: Any) -> None:
        self._asked = asked
        super().__init__(*words, **more)

    def do_GET(self) -> None:
        self._asked.append(self.path)
        super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")  # what is opened is what is there now
        super().end_headers()

    def log_message(self, format: str, *words: Any) -> None:  # noqa: A002
        """Nothing: what was asked is kept."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Site]:
    """Serve a folder to this machine until the block ends."""
    asked: list[str] = []
    handler = functools.partial(_Handler, asked=asked, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Site(f"http://127.0.0.1:{server.server_port}", asked)
        finally:
            server.shutdown()
            thread.join()


class Browser:
    """Chromium, asked in a few words."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str, *, width: int = 1440) -> None:
        """Load a page in a window of a width."""
        self.widen(width)
        self.driver.get(url)

    def widen(self, width: int) -> None:
        """Make the page as wide as that, in pixels."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def media(self, kind: str) -> None:
        """Show what the page is on screen, or on paper."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind})

    def ask(self, script: str, *words: object) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *words)

    def _log(self, name: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(name)  # type: ignore[no-untyped-call]
        return entries

    def complaints(self) -> list[str]:
        """What stands in the console since it was asked last."""
        return [str(entry["message"]) for entry in self._log("browser")]

    def requested(self) -> list[str]:
        """Every address that was asked for since it was asked last."""
        told = [json.loads(e["message"])["message"] for e in self._log("performance")]
        sent = [each for each in told if each["method"] == "Network.requestWillBeSent"]
        return [str(each["params"]["request"]["url"]) for each in sent]


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
    """A browser of one's own, with a fresh profile."""
    install()
    driver = webdriver.Chrome(
        options=_options(tmp_path_factory.mktemp("profile")), service=Service(DRIVER)
    )
    driver.set_page_load_timeout(PATIENCE_S)
    driver.set_script_timeout(PATIENCE_S)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
