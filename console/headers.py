"""Headers of every response: nothing foreign is loaded, framed, guessed or cached."""

from aiohttp import web

from console.config import ConsoleConfig

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


async def set_headers(
    config: ConsoleConfig, _request: web.Request, response: web.StreamResponse
) -> None:
    """Set them, and remove ``Server``: it only helps whoever looks for a known weakness."""
    response.headers.popall("Server", None)
    response.headers.update(_ALWAYS)
    response.headers.setdefault("Cache-Control", "no-store")
    if config.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
