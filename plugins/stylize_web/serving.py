"""The web server: it serves the page and keeps it from loading anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stylize.command import import_extra, warn
from stylize_web.page import CSS, SCRIPT, build_page, make_theme
from stylize_web.studio import Studio

__all__ = ["serve"]

# The names of this machine, for itself.
LOOPBACK = ("127.0.0.1", "localhost")
# Keeps browsers from loading anything that a release of Gradio may fetch from elsewhere.
POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    b"media-src 'self' data: blob:; worker-src 'self' blob:; frame-ancestors 'self'"
)


class OnlyFromHere:
    """Lets browsers load nothing from elsewhere, and no other page send files (ASGI middleware).

    A request that Gradio fails to answer is rejected, and reported in a line.

    Args: direct: browsers reach the server itself, so that they name it as they name its pages.
    """

    def __init__(self, app: Any, direct: bool) -> None:
        self.app, self.direct = app, direct

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        sent = scope["type"] == "http" and scope["method"] == "POST"
        if sent and _is_of_another_page(scope, self.direct):
            await send({"type": "http.response.start", "status": 403})
            await send({"type": "http.response.body"})
            return

        begun = False

        async def send_with_policy(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"content-security-policy", POLICY),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        try:
            await self.app(scope, receive, send_with_policy)
        except Exception as error:  # Gradio expects no other requests than those of its page
            if scope["type"] != "http":
                raise
            warn(f"{scope['path']}: Gradio cannot answer this request ({error!r})")
            if not begun:
                await send({"type": "http.response.start", "status": 400})
                await send({"type": "http.response.body"})


def _is_of_another_page(scope: Any, direct: bool) -> bool:
    """Return whether a browser says that a page of another origin makes this request."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin") if direct else None
    if origin is not None and origin.partition(b"://")[2] != headers.get(b"host"):
        return True
    return headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site")


@contextmanager
def serve(
    studio: Studio, host: str, port: int, share: bool, max_bytes: int
) -> Iterator[tuple[str, str]]:
    """Serve the page; yield its address and the public link, "" without one.

    Args:
        share: open a public link.
        max_bytes: the largest upload.

    Raises: ExtraMissingError.
    """
    starlette = import_extra("starlette.middleware", "web", "stylize web")
    trusted = import_extra("starlette.middleware.trustedhost", "web", "stylize web")
    middleware = [starlette.Middleware(OnlyFromHere, direct=not share)]
    if host in LOOPBACK and not share:
        # Else a page elsewhere could give its own name this machine's address (DNS rebinding).
        named = starlette.Middleware(trusted.TrustedHostMiddleware, allowed_hosts=[*LOOPBACK])
        middleware.insert(0, named)
    page = build_page(studio)
    try:
        _, local, public = page.launch(
            server_name=host,
            server_port=port,
            share=share,
            max_file_size=max_bytes,
            app_kwargs={"middleware": middleware},
            theme=make_theme(),
            css=CSS,
            js=SCRIPT,
            prevent_thread_lock=True,
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
            footer_links=[],
            quiet=True,
        )
        yield local, public or ""
    finally:
        page.close(verbose=False)
