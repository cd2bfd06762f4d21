"""Pictures that open in full size when they are clicked, as those with a width do in Sphinx."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def link(_app: Sphinx, doctree: nodes.document) -> None:
    """Give every picture in pixels a width, which links it; site.css keeps its own size."""
    for image in doctree.findall(nodes.image):
        if image["uri"].endswith((".jpg", ".png")):
            image.setdefault("width", "100%")


def setup(app: Sphinx) -> dict[str, Any]:
    """Link the pictures of every page as it is read."""
    app.connect("doctree-read", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
