"""The fast parser and the HTTP server agree on every plain request."""

import asyncio

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser
from hypothesis import given
from hypothesis import strategies as st

from webhooks.fast_parser import PlainRequest, parse_plain

LINE = "POST /callbacks/sport/transaction HTTP/1.1"
NAMES = ["Host", "Content-Length", "Connection", "Transfer-Encoding", "X-Signature", "x-a"]
NAMES += ["Proxy-Connection", "Sec-WebSocket-Key1", "Upgrade"]
VALUES = ["x", "keep-alive", "close", "chunked", "0", "1", "2", "3", " 2", "+2", "2 ", "a\tb"]
ENDS = ["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n "]

fields = st.tuples(
    st.sampled_from(NAMES) | st.text("aZ-_ :\t\0ż", max_size=3),
    st.sampled_from([": ", ": ", ": ", ":", " : ", " "]),
    st.sampled_from(VALUES) | st.text("a1 ,:\t\0\x7fż", max_size=4),
    st.sampled_from(ENDS),
).map("".join)
usual = st.sampled_from(["Host: x\r\n", "Content-Length: 2\r\n", "X-Signature: ab\r\n"])
bodies = st.sampled_from([b"", b"{}", b"{}{", b"0\r\n\r\n"])


def parse_by_server(data: bytes) -> PlainRequest:
    async def read() -> PlainRequest:
        loop = asyncio.get_running_loop()
        parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16, auto_decompress=False)
        ((message, payload),), upgraded, tail = parser.feed_data(data)
        assert (upgraded, tail) == (False, b"")
        assert (message.should_close, message.chunked) == (False, False)
        assert payload.is_eof()
        version = f"HTTP/{message.version.major}.{message.version.minor}"
        return PlainRequest(
            line=f"{message.method} {message.path} {version}",
            headers={name.lower(): value for name, value in message.headers.items()},
            body=await payload.read(),
            missing=0,
        )

    return asyncio.run(read())


@given(st.lists(usual | fields, max_size=6), bodies)
def test_a_plain_request_is_parsed_as_by_the_http_server(lines: list[str], body: bytes) -> None:
    data = f"{LINE}\r\n{''.join(lines)}\r\n".encode() + body
    parsed = parse_plain(data)

    if parsed is not None and not parsed.missing:
        assert parsed == parse_by_server(data)
