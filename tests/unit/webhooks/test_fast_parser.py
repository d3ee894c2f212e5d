"""Which requests are plain: one ordinary POST; in any doubt it is none."""

from collections.abc import Mapping

import pytest

from webhooks.fast_parser import HEAD_BYTES_MAX, HEADERS_MAX, PlainRequest, read_plain

LINE = "POST /callbacks/sport/transaction HTTP/1.1"
HEADERS = {"Host": "x", "Content-Type": "application/json", "X-Signature": "ab 12"}
BODY = b'{"a":"\xc5\xbc"}'


def request(more: Mapping[str, str] | None = None, *, body: bytes = BODY) -> bytes:
    lines = {**HEADERS, "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in (more or {}).items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{LINE}\r\n{head}\r\n".encode("latin-1") + body


def test_an_ordinary_callback_is_read_whole() -> None:
    assert read_plain(request()) == PlainRequest(
        line=LINE,
        headers={
            "host": "x",
            "content-type": "application/json",
            "x-signature": "ab 12",
            "content-length": str(len(BODY)),
        },
        body=BODY,
        missing=0,
    )


def test_a_connection_that_is_to_be_kept_is_ordinary() -> None:
    assert read_plain(request({"connection": "keep-alive"})) is not None


@pytest.mark.parametrize("there", range(len(BODY)))
def test_of_a_body_that_is_not_there_yet_the_rest_is_missing(there: int) -> None:
    data = request()
    plain = read_plain(data[: len(data) - len(BODY) + there])

    assert plain is not None
    assert (plain.body, plain.missing) == (BODY[:there], len(BODY) - there)


@pytest.mark.parametrize("there", range(len(request()) - len(BODY)))
def test_without_its_whole_head_it_is_none(there: int) -> None:
    assert read_plain(request()[:there]) is None


@pytest.mark.parametrize(
    "more",
    [
        {"connection": "close"},
        {"connection": "upgrade", "upgrade": "websocket"},
        {"connection": "keep-alive, te"},
        {"transfer_encoding": "chunked"},
        {"expect": "100-continue"},
        {"upgrade": "h2c"},
        {"trailer": "x"},
        {"te": "trailers"},
        {"x_name": "ż".encode().decode("latin-1")},
        {"x_name": ""},
        {"x_name": " two blanks before"},
        {"x_name": "a blank after "},
        {"x_name": "a\ttab"},
        {"x_name": "a\0nul"},
        {"x_name": "a\rreturn"},
        {"x_name": "a\nline"},
        {"x_name": "folded\r\n over lines"},
        {"x_name": "x\r\nno colon"},
        {"x_name": "x\r\n: no name"},
        {"x_name": "x\r\na blank in the name: x"},
        {"x_name": "x\r\nX-Signature : a blank after the name"},
        {"x_name": "x\r\nx-signature: twice"},
        {"x_name": "x\r\nHOST: twice"},
        {"x_name": "x" * HEAD_BYTES_MAX},
        {f"x_{number}": "x" for number in range(HEADERS_MAX)},
    ],
    ids=lambda more: ",".join(f"{k}={v}" for k, v in more.items())[:40].encode().hex(),
)
def test_whatever_needs_interpretation_is_none(more: dict[str, str]) -> None:
    assert read_plain(request(more)) is None


@pytest.mark.parametrize(
    "length", ["", "+9", "-1", "0x9", "9_0", "9, 9", "9.0", "²", "1" * 9, "0", "8"]
)
def test_a_length_that_is_no_count_or_less_than_what_came_is_none(length: str) -> None:
    data = request().replace(b"Length: %d" % len(BODY), b"Length: " + length.encode("latin-1"))

    assert read_plain(data) is None


@pytest.mark.parametrize("name", ["Host", "Content-Length"])
def test_without_a_host_or_a_length_it_is_none(name: str) -> None:
    lines = [line for line in request().split(b"\r\n") if not line.startswith(name.encode())]

    assert read_plain(b"\r\n".join(lines)) is None


def test_two_requests_at_once_are_none() -> None:
    assert read_plain(request() * 2) is None
