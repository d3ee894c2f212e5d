"""A program that calls the API with a token, and tokens for it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from console.accounts.api_tokens import make_token
from storage.people import get_person
from tests.harness.servers.console import ConsoleSite, PageClient, Reply
from vocabulary.people import Right

BASE = "/api/v1"


def token_for(
    site: ConsoleSite,
    name: str,
    scopes: Collection[Right] | None = None,
    lifetime: timedelta = timedelta(days=1),
) -> str:
    """A new token of a person; by default with every right that the person has."""
    with site.console.writers.begin() as connection:
        person = get_person(connection, name)
        made = make_token(
            connection,
            person,
            name="a test",
            scopes=person.rights if scopes is None else scopes,
            lifetime=lifetime,
            now=site.console.clock.now(),
        )
    return made.secret


@dataclass
class ApiClient:
    """Sends requests with a token; an empty one sends none."""

    port: int
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Reply:
        return self.send(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    def act(
        self,
        path: str,
        body: object = None,
        *,
        of: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """POST; ``of`` is the path of the thing whose present version is named."""
        named = {} if of is None else {"If-Match": self.get(of).headers["ETag"]}
        text = "" if body is None else json.dumps(body)
        kind = {"Content-Type": "application/json"} if text else {}
        return self.send("POST", path, body=text, headers={**kind, **named, **(headers or {})})

    def send(
        self,
        method: str,
        path: str,
        *,
        body: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return PageClient(self.port).send(
            method,
            f"{BASE}{path}",
            body=body,
            headers={**bearer, **self.headers, **(headers or {})},
        )


def json_of(reply: Reply) -> Any:
    """The document of an answer."""
    return json.loads(reply.content)


@pytest.fixture(scope="module")
def maria(site: ConsoleSite) -> ApiClient:
    return ApiClient(site.port, token_for(site, "maria"))


@pytest.fixture(scope="module")
def jonas(site: ConsoleSite) -> ApiClient:
    return ApiClient(site.port, token_for(site, "jonas"))


def check_problem(reply: Reply, status: int, words: str = "") -> dict[str, Any]:
    """The problem that an answer is."""
    assert reply.status == status, reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json_of(reply)
    assert problem["status"] == status
    assert problem["error_id"] == reply.headers["X-Error-Id"]
    assert words in problem["detail"]
    return problem
