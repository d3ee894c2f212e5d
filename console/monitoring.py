"""Health of the console: the loop runs, and the database answers its reader."""

import asyncio
from concurrent.futures import Executor

from aiohttp import web
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError


class Monitoring:
    """Serves ``/livez`` (event loop runs) and ``/readyz`` (pages can be read)."""

    def __init__(self, readers: Engine, threads: Executor) -> None:
        self._readers = readers
        self._threads = threads

    async def livez(self, _request: web.Request) -> web.Response:
        """Answer 200 while the event loop runs."""
        return web.json_response({"status": "alive"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer 200 if the database answers, else 503."""
        loop = asyncio.get_running_loop()
        if await loop.run_in_executor(self._threads, self._answers):
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "unavailable"}, status=503)

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [web.get("/livez", self.livez), web.get("/readyz", self.readyz)]

    def _answers(self) -> bool:
        try:
            with self._readers.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True
