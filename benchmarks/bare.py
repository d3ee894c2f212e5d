"""The reference: an aiohttp handler that verifies the same signature and stores nothing.

``python -m benchmarks.bare PORT`` answers on the paths of the receiver, through the same
dialects' verify, with a constant success.
"""

import socket
import sys

import uvloop
from aiohttp import web

from benchmarks.loads.closed_loop import SECRETS
from providers.contract import Callback, Provider
from providers.dialect import Dialect
from providers.registry import DIALECTS

_REPLIES = {
    "agent_platform": b'{"content":{"balance":1000.25}}',
    "aggregator": b'{"balance":1000.25,"tmp":0,"fish_remaining":0}',
    "sportsbook": b'{"error":null,"transaction_id":"txn-10000-100"}',
    "xigs": b'{"status":"success","data":{"balance":1000.25}}',
}


def _handler(dialect: Dialect, route: str):  # type: ignore[no-untyped-def]
    provider = Provider(
        slug=dialect.name,
        currency="USD",
        exponents={},
        secrets=(SECRETS[dialect.name],),
        options={name: option.default for name, option in dialect.options.items()},
    )
    reply = _REPLIES[dialect.name]

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        dialect.verify(Callback(route=route, headers=request.headers, body=body), provider)
        return web.Response(body=reply, headers={"Content-Type": "application/json"})

    return handle


async def serve(port: int) -> None:
    app = web.Application(client_max_size=65_536)
    for dialect in (DIALECTS[name] for name in SECRETS):
        for route in dialect.routes:
            app.router.add_post(f"/callbacks/{dialect.name}{route}", _handler(dialect, route))
    listen = socket.socket()
    listen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listen.bind(("127.0.0.1", port))
    await web._run_app(app, sock=listen, access_log=None, print=None)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
