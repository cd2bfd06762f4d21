"""How Sphinx builds the site: `make docs`. Nothing is fetched, and a warning is an error."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from stylize.version import framework_version

project = "stylize"
author = copyright = "The stylize developers"  # noqa: A001 (Sphinx's name)
release = framework_version()

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "docstrings",
    "mathml",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"stylize {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
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
    ("py:class", r"(.*\.)?(Command|Model|RecordModel|_parse_duration)"),
    ("py:class", r"(stylize\.errors\.)?\w+Error"),  # on the page of exit codes
    ("py:obj", r"typing\..*"),
    ("py:class", r".*\[.*"),  # annotations that are text: autodoc takes them apart at commas
]
