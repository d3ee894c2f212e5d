"""The OpenAPI 3.1 document of the API, made from its endpoints and their models."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from console.api.credentials import FORM_TOKEN_HEADER
from console.api.endpoint import BASE, Endpoint, Read
from console.api.models.problems import PROBLEM_TYPE, Problem

_SCHEMAS = "#/components/schemas/"
_PARAMETERS = "#/components/parameters/"
_RESPONSES = "#/components/responses/"
#: What every status means, for the document and the page of the API.
STATUSES: Mapping[int, str] = {
    304: "Nothing changed since the ETag of If-None-Match.",
    400: "Parameters or a body that do not follow the schema.",
    401: "Nobody is known by the token or session.",
    403: "The person has no right to it, or the token lacks the scope.",
    404: "Nothing has that id.",
    405: "The path has no such method; Allow names those it has.",
    409: "A request with this Idempotency-Key is being performed.",
    412: "It changed since the ETag of If-Match, or is not as expected; nothing was done.",
    413: "A body of more than 64 KiB, or of more than 8 MiB where it has a file.",
    415: "A body that is no application/json.",
    422: "The rules do not allow it, or the Idempotency-Key belongs to another request.",
    428: "If-Match is missing.",
    429: "Too many requests; Retry-After says when to come again.",
    500: "A fault of ours; the log has the stack under the error id.",
    503: "The database is away; the request was performed whole or not at all.",
}
_OF_READS = (401, 403, 404, 429, 500, 503)
_OF_WRITES = (400, *_OF_READS[:3], 409, 412, 413, 415, 422, 428, *_OF_READS[3:])
_ETAG = {
    "description": "Changes with any byte; If-Match compares the version in it.",
    "schema": {"type": "string"},
}


def openapi_document(endpoints: Sequence[Endpoint], *, version: str) -> dict[str, Any]:
    """The document of these endpoints; equal endpoints give an equal document."""
    models, names = _schemas(endpoints)
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(f"{BASE}{endpoint.path}", {})[endpoint.method.lower()] = _operation(
            endpoint, names
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tieout",
            "version": version,
            "description": "What the pages of the console show and do. Amounts are integers of"
            " minor units, instants are UTC, ids are text.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"page": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(item.tag for item in endpoints)],
        "paths": paths,
        "components": {
            "schemas": models,
            "parameters": _headers(),
            "responses": {str(status): _problem(status) for status in STATUSES},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "page": {
                    "type": "apiKey",
                    "in": "header",
                    "name": FORM_TOKEN_HEADER,
                    "description": "With the session cookie, as pages of the console send it.",
                },
            },
        },
    }


def _schemas(
    endpoints: Iterable[Endpoint],
) -> tuple[dict[str, Any], Mapping[type[BaseModel], str]]:
    answers = {item.answer for item in endpoints} | {Problem}
    bodies = {item.body for item in endpoints if not isinstance(item, Read)}
    ordered = [
        *(
            (model, "serialization")
            for model in sorted(answers, key=lambda item: item.__name__)
        ),
        *((model, "validation") for model in sorted(bodies, key=lambda item: item.__name__)),
    ]
    _, definitions = models_json_schema(
        ordered,  # type: ignore[arg-type]
        ref_template=f"{_SCHEMAS}{{model}}",
    )
    schemas = _plain_names(definitions["$defs"])
    names = {model: _plain_name(model.__name__) for model, _ in ordered}
    return {_plain_name(name): schema for name, schema in schemas.items()}, names


def _plain_name(name: str) -> str:
    return name.removesuffix("Json")


def _plain_names(schema: Any) -> Any:
    """The schemas with every reference and title without the ending of our models."""
    match schema:
        case dict():
            return {
                key: _plain_name(value)
                if key in {"$ref", "title"} and isinstance(value, str)
                else _plain_names(value)
                for key, value in schema.items()
            }
        case list():
            return [_plain_names(item) for item in schema]
        case _:
            return schema


def _operation(endpoint: Endpoint, names: Mapping[type[BaseModel], str]) -> dict[str, Any]:
    is_read = isinstance(endpoint, Read)
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "description": _needs(endpoint),
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint),
        "responses": {
            "200": {
                "description": endpoint.answer.__doc__,
                "headers": {"ETag": _ETAG},
                "content": _json(names[endpoint.answer]),
            },
            **({"304": {"description": STATUSES[304]}} if is_read else {}),
            **{
                str(status): {"$ref": f"{_RESPONSES}{status}"}
                for status in ((400, *_OF_READS) if is_read else _OF_WRITES)
            },
        },
    }
    if not isinstance(endpoint, Read):
        required = any(field.is_required() for field in endpoint.body.model_fields.values())
        operation["requestBody"] = {
            "required": required,
            "content": _json(names[endpoint.body]),
        }
    if endpoint.right is None:
        operation["security"] = []
    return operation


def _needs(endpoint: Endpoint) -> str:
    if endpoint.right is None:
        return "Needs nothing."
    return f"Needs the right to {endpoint.right}, scope `{endpoint.right.name.lower()}`."


def _operation_id(endpoint: Endpoint) -> str:
    verb = "get" if isinstance(endpoint, Read) else "do"
    parts = [part.strip("{}") for part in endpoint.path.strip("/").split("/")]
    return "_".join([verb, *(re.sub(r"\W", "_", part) for part in parts)])


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        }
        for name in re.findall(r"\{(\w+)\}", endpoint.path)
    ]
    if not isinstance(endpoint, Read):
        keys = [
            *([{"$ref": f"{_PARAMETERS}If-Match"}] if endpoint.needs_version else []),
            {"$ref": f"{_PARAMETERS}Idempotency-Key"},
        ]
        return [*path, *keys]
    return [*path, *_query(endpoint.query), {"$ref": f"{_PARAMETERS}If-None-Match"}]


def _query(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The fields of a model as parameters; one that may be left out is never null."""
    schema = model.model_json_schema(mode="validation")
    definitions, required = schema.get("$defs", {}), schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            **({"description": field["description"]} if "description" in field else {}),
            "schema": _without_null(field, definitions),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _without_null(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    choices = [item for item in field.get("anyOf", [field]) if item.get("type") != "null"]
    chosen = dict(choices[0])
    if "$ref" in chosen:
        chosen = dict(definitions[chosen["$ref"].rpartition("/")[2]])
    unwanted = {"title", "default", "description"}
    return {key: value for key, value in chosen.items() if key not in unwanted}


def _headers() -> dict[str, Any]:
    """The headers of requests that several endpoints share."""
    texts: dict[str, tuple[str, dict[str, Any]]] = {
        "If-Match": ("The ETag of what was seen, or `*`.", {"minLength": 1}),
        "If-None-Match": ("Answer 304 if the answer still has this ETag.", {}),
        "Idempotency-Key": (
            "Repeating a request with its key performs it once.",
            {"minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        ),
    }
    return {
        name: {
            "name": name,
            "in": "header",
            "required": name == "If-Match",
            "description": text,
            "schema": {"type": "string", **limits},
        }
        for name, (text, limits) in texts.items()
    }


def _problem(status: int) -> dict[str, Any]:
    content = {PROBLEM_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
    return {
        "description": STATUSES[status],
        **({} if status == 304 else {"content": content}),
    }


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"{_SCHEMAS}{name}"}}}
