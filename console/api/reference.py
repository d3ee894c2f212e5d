"""The API to read and to try: made from its OpenAPI document, with nothing from a network."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

from console.api.openapi import STATUSES
from console.api.server import document_bytes
from console.config import Visit
from console.replies import HtmlPage, not_found


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """A parameter or a field of an object, as the page shows it.

    Attributes:
        place: path, query or header; empty: a field of an object.
        kind: its type in words.
        object: the name of the object that it holds or lists; empty: none.
    """

    name: str
    place: str
    kind: str
    is_required: bool
    description: str
    choices: tuple[str, ...] = ()
    object: str = ""


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


@dataclass(frozen=True, slots=True)
class Reference:
    """What the OpenAPI document says.

    Attributes:
        groups: the operations by what they are about.
        objects: by name of an object, its fields.
    """

    groups: Mapping[str, Sequence[EndpointRow]]
    objects: Mapping[str, Sequence[FieldRow]]

    def operations(self) -> Iterator[EndpointRow]:
        """All operations, in the order of the document."""
        return chain.from_iterable(self.groups.values())


def show(_visit: Visit) -> HtmlPage:
    """Every operation by what it is about, every status, and every object."""
    reference = _reference()
    values = {"groups": reference.groups, "objects": reference.objects, "base": "/api/v1"}
    return HtmlPage(template="api/index.html", values={**values, "statuses": STATUSES})


def show_operation(visit: Visit) -> HtmlPage:
    """One operation: its parameters, what it answers, and a form that sends it."""
    name = visit.path["id"]
    for operation in _reference().operations():
        if operation.id == name:
            return HtmlPage(template="api/operation.html", values={"operation": operation})
    raise not_found("operation", name)


def show_object(visit: Visit) -> HtmlPage:
    """One object: its fields, and the operations that answer with it."""
    name, reference = visit.path["name"], _reference()
    if name not in reference.objects:
        raise not_found("object", name)
    answers = [row for row in reference.operations() if row.answer == name]
    values = {"name": name, "rows": reference.objects[name], "answers": answers}
    return HtmlPage(template="api/object.html", values=values)


@cache
def _reference() -> Reference:
    document = json.loads(document_bytes())
    groups: dict[str, list[EndpointRow]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            row = _operation(document, path, method, operation)
            groups[operation["tags"][0]].append(row)
    objects = {
        name: _fields(document, schema)
        for name, schema in sorted(document["components"]["schemas"].items())
        if schema.get("properties")
    }
    return Reference(groups, objects)


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[FieldRow, ...]:
    required = schema.get("required", ())
    return tuple(
        _field(document, name, field, is_required=name in required)
        for name, field in schema["properties"].items()
    )


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
        object=_object_of(document, schema),
    )


def _object_of(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The object that a field holds or lists; empty if it has none."""
    if "$ref" in schema:
        is_object = "properties" in _resolved(document, schema)
        return schema["$ref"].rpartition("/")[2] if is_object else ""
    parts = [*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")]
    names = (_object_of(document, part) for part in parts if isinstance(part, Mapping))
    return next(filter(None, names), "")


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
