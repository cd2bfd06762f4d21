"""Equations as MathML, which browsers render without a script, a font or a network connection.

latex2mathml outputs unknown commands as text; here they are a warning, and thus an error.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

LOGGER = logging.getLogger(__name__)


def to_mathml(source: str, display: str, location: nodes.Node | None = None) -> str:
    """Return LaTeX as a MathML element; display is "inline" or "block".

    Warns of a command that latex2mathml does not know.
    """
    # latex2mathml only knows align*; in a display the two are the same.
    text = re.sub(r"\\(begin|end)\{aligned\}", r"\\\1{align*}", source.strip())
    made: str = convert(text, display=display)
    if unknown := re.findall(r">(\\\w+)|(<mo />)", made):
        names = ", ".join(command or "an operatorname" for command, _ in unknown)
        LOGGER.warning("equation has %s, which MathML lacks: %s", names, text, location=location)
    return made


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(to_mathml(node.astext(), "inline", node))
    raise nodes.SkipNode


def visit_displaymath(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="equation"))
    self.body.append(to_mathml(node.astext(), "block", node))
    if number := node["number"]:
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer `mathml`."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
