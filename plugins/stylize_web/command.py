"""`stylize web`: the command that serves the page until it is interrupted."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from stylize import MAX_PIXELS, PluginHost
from stylize.command import (
    DeviceOption,
    MaxPixelsOption,
    clean_stdout,
    interruptible,
    require_extra,
    say,
    warn,
)
from stylize.errors import StylizeError, UsageError

__all__ = ["web"]

LOCAL = "127.0.0.1"
# Photographs are compressed: no upload needs more bytes than a picture may have pixels.
BYTES_PER_PIXEL = 1


def web(
    ctx: typer.Context,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="The address to listen on; 0.0.0.0 opens the page to everyone on your network.",
        ),
    ] = LOCAL,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, metavar="NUMBER", help="0 picks a free one."),
    ] = 7860,
    share: Annotated[
        bool,
        typer.Option(
            "--share",
            help="Also open a public link, through Gradio's servers. Everyone who knows the link "
            "can use this machine.",
        ),
    ] = False,
    browse: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.")
    ] = True,
    device: DeviceOption = "auto",
    max_pixels: MaxPixelsOption = MAX_PIXELS,
) -> None:
    """Open a page in the browser: drop a photograph, choose a style, watch it appear.

    This machine serves the page for itself alone, and the page loads nothing from elsewhere.
    Dropped files are deleted when you close their tab, and everything when the command ends
    (Ctrl-C). Needs the extra web.
    """
    plugins: PluginHost = ctx.obj
    require_extra("gradio", "web", "stylize web")
    port = _free_port(host, port)
    with tempfile.TemporaryDirectory(prefix="stylize-web-") as folder, clean_stdout():
        # Read when Gradio is imported.
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": folder}
        from stylize_web.serving import serve
        from stylize_web.studio import Studio

        ended = threading.Event()
        studio = Studio(plugins, Path(folder), device=device, max_pixels=max_pixels)
        try:
            with (
                serve(studio, host, port, share, max_pixels * BYTES_PER_PIXEL) as (url, public),
                interruptible(ended, "closing the page"),
            ):
                say(f"stylize is at {url} (Ctrl-C ends it)")
                if host != LOCAL:
                    warn(f"--host {host}: everyone who reaches this machine can use the page")
                if share and not public:
                    raise StylizeError(
                        "--share: no public link can be created: see the lines above"
                    )
                if public:
                    say(f"everyone can reach it at {public}")
                if browse:
                    webbrowser.open(url)
                ended.wait()
        finally:
            studio.close()


def _free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0.

    Raises: UsageError if it is in use, or if the address does not exist.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except socket.gaierror as error:
        raise UsageError(
            f"--host {host} is not an address of this machine ({error.strerror}): give one, such "
            f"as {LOCAL} or 0.0.0.0"
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot listen on port {port} of {host} ({error.strerror or error}): choose "
            f"another with --port, or 0 for any free one"
        ) from error
