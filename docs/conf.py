"""How Sphinx builds the site: `make docs`. It fetches nothing, and a warning is an error."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from docutils import nodes
from sphinx.application import Sphinx

from stylize.version import framework_version

project = "stylize"
author = copyright = "The stylize developers"  # noqa: A001 (Sphinx's name)
release = framework_version()


def find_clone_url() -> str:
    """Return what `git clone` takes: Read the Docs names it, else the origin of this clone."""
    if named := os.environ.get("READTHEDOCS_GIT_CLONE_URL"):
        return named
    asked = ["git", "-C", str(Path(__file__).parent), "remote", "get-url", "origin"]
    origin = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return origin if origin.startswith(("https://", "git@")) else "CLONE_URL"


# Pages say CLONE_URL.
clone_url = find_clone_url()

# What `make docs LIVE=1` has exported, shown on the page that tells how.
live = Path(__file__).parent / "_live"
html_extra_path = [live.name] if live.is_dir() else []
LIVE_FRAME = """
```{raw} html
<iframe src="../live/index.html" title="The exported page" style="width: 100%; height: 46rem"
loading="lazy"></iframe>
```
"""

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "docstrings",
    "fullsize",
    "mathml",
]
exclude_patterns = ["_build", "_live"]
html_theme = "furo"
html_title = f"stylize {release}"
html_logo = html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
templates_path = ["_templates"]
# Previews of links need whole addresses: the site's own, if it is known.
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
html_context = {
    "description": "Neural style transfer: repaint any photograph in the style of any painting.",
    "html_baseurl": html_baseurl,
}
html_copy_source = html_show_sourcelink = False

# GitHub's own anchors, so that a link works there as here.
myst_heading_anchors = 4
myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "deflist", "dollarmath"]
html_math_renderer = "mathml"

# It would make a dash of the two hyphens of an option.
smartquotes = False

# Docstrings have `code` in single backticks.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
# Types of other packages, whose documentation would have to be fetched, and aliases of unions.
nitpick_ignore_regex = [
    (
        "py:class",
        r"(collections\.abc|contextlib|pathlib|pydantic|threading|torch|typer|PIL|pluggy)\..*",
    ),
    ("py:class", r"Tensor|nn\.Module|Path|Image\.Image|ImageSource|Quality|StopReason|Triple"),
    ("py:class", r"(.*\.)?(Command|FollowedRun|Model|RecordModel|_parse_duration)"),
    ("py:class", r"np\.\w+"),
    ("py:class", r"(stylize\.errors\.)?\w+Error"),  # on the page of exit codes
    ("py:obj", r"typing\..*"),
    ("py:class", r".*\[.*"),  # annotations that are text: autodoc takes them apart at commas
]


def fill_in(_app: Sphinx, doctree: nodes.document) -> None:
    """Write the clone's address into the code of a page."""
    for block in doctree.findall(nodes.literal_block):
        if "CLONE_URL" in block.rawsource:
            block.rawsource = block.rawsource.replace("CLONE_URL", clone_url)
            block[:] = [nodes.Text(block.rawsource)]


def show_live(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put the exported page where a page asks for it."""
    if live.is_dir():
        source[0] = source[0].replace("<!-- live -->", LIVE_FRAME)


def setup(app: Sphinx) -> None:
    """Fill in what pages leave to the builder of the site."""
    app.connect("source-read", show_live)
    app.connect("doctree-read", fill_in)
