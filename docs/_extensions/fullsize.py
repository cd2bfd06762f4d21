"""Pictures that open in full size on a click, as Sphinx does for pictures with a width."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def link(_app: Sphinx, doctree: nodes.document) -> None:
    """Give every bitmap a width, so that Sphinx links it; site.css restores its own size."""
    for image in doctree.findall(nodes.image):
        if image["uri"].endswith((".jpg", ".png")):
            image.setdefault("width", "100%")


def setup(app: Sphinx) -> dict[str, Any]:
    """Link the pictures of every page when Sphinx reads it."""
    app.connect("doctree-read", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
