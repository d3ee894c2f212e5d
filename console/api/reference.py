"""The API to read and to try: made from its OpenAPI document, with nothing from a network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from console.api.openapi import STATUSES
from console.api.server import document_bytes
from console.config import Visit
from console.replies import HtmlPage


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """A parameter or a field of an object, as the page shows it.

    Attributes:
        place: path, query or header; empty: a field of an object.
        kind: its type in words.
    """

    name: str
    place: str
    kind: str
    is_required: bool
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    """An operation, as the page shows it; ``body`` is an example, or empty."""

    id: str
    method: str
    path: str
    summary: str
    needs: str
    parameters: tuple[FieldRow, ...]
    body: str
    answer: str


def show(_visit: Visit) -> HtmlPage:
    """Every operation by what it is about, and every object."""
    return HtmlPage(template="api.html", values={**_values(), "statuses": STATUSES})


@cache
def _values() -> Mapping[str, Any]:
    document = json.loads(document_bytes())
    groups: dict[str, list[EndpointRow]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            row = _operation(document, path, method, operation)
            groups[operation["tags"][0]].append(row)
    objects = {
        name: tuple(
            _field(
                document,
                field_name,
                field,
                is_required=field_name in schema.get("required", ()),
            )
            for field_name, field in schema.get("properties", {}).items()
        )
        for name, schema in sorted(document["components"]["schemas"].items())
        if schema.get("properties")
    }
    return {"groups": groups, "objects": objects, "base": "/api/v1"}


def _operation(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> EndpointRow:
    content = operation.get("requestBody", {}).get("content", {})
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return EndpointRow(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        needs=_plain(operation["description"]),
        parameters=tuple(
            _parameter(document, _resolved(document, item)) for item in operation["parameters"]
        ),
        body=_example(_resolved(document, content["application/json"]["schema"]))
        if content
        else "",
        answer=answer["$ref"].rpartition("/")[2],
    )


def _parameter(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> FieldRow:
    schema = parameter["schema"]
    return FieldRow(
        name=parameter["name"],
        place=parameter["in"],
        kind=_kind(document, schema),
        is_required=parameter["required"],
        description=_plain(parameter.get("description", "")),
        choices=tuple(schema.get("enum", ())),
    )


def _field(
    document: Mapping[str, Any], name: str, schema: Mapping[str, Any], *, is_required: bool
) -> FieldRow:
    return FieldRow(
        name=name,
        place="",
        kind=_kind(document, schema),
        is_required=is_required,
        description=_plain(schema.get("description", "")),
    )


def _plain(text: str) -> str:
    """A description without the marks of Markdown."""
    return text.replace("`", "")


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A type in words: the name of an object, or what JSON calls it."""
    if "$ref" in schema:
        name, target = schema["$ref"].rpartition("/")[2], _resolved(document, schema)
        return f"{name}: {', '.join(target['enum'])}" if "enum" in target else name
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_kind(document, item) for item in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema.get('items', {}))}"
    extra = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(extra, Mapping):
        return f"object of {_kind(document, extra)}"
    return str(schema.get("format", schema.get("type", "anything")))


def _example(schema: Mapping[str, Any]) -> str:
    fields = dict.fromkeys(schema.get("properties", {}), "")
    return json.dumps(fields, indent=2) if fields else "{}"


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    target: Any = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    resolved: Mapping[str, Any] = target
    return resolved
