"""What the documents show works."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from stylize import PluginHost, stylize_image

DOCS = Path(__file__).parents[1] / "docs"


def test_the_smoothing_of_the_plugins_page_makes_a_picture(tmp_path, monkeypatch, photo, painting):
    blocks = re.findall(r"```python\n# (my_smoothing/\w+\.py)[^\n]*\n(.*?)```",
                        (DOCS / "plugins.md").read_text(), re.DOTALL)  # fmt: skip
    assert [name for name, _ in blocks] == ["my_smoothing/__init__.py", "my_smoothing/functions.py"]
    (tmp_path / "my_smoothing").mkdir()
    for name, source in blocks:
        (tmp_path / name).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    host = PluginHost.discover(strict=True)
    host.register(importlib.import_module("my_smoothing"), "my-smoothing")
    options = {"gatys": {"scales": [1.0], "iterations": [2]}}
    result = stylize_image(
        photo, painting, host=host, smooth="cubic_root", size=64, options=options
    )
    assert result.record["settings"]["smooth"] == "cubic_root"
