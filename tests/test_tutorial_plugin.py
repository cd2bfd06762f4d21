"""The tutorial that ships a smoothing, followed to the letter in a separate environment."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from fresh_environment import make_environment

PAGE = Path(__file__).parents[1] / "docs" / "tutorials" / "ship-a-smoothing.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (\S+\.\w+)\n(.*)", re.DOTALL)
SMALL = ("--size", "48", "--precision", "float32")
# Commands that the test leaves to readers.
LEFT = {"twine", "build"}


@pytest.mark.install
@pytest.mark.slow
def test_following_it_gives_a_plugin_that_keeps_its_promises(wheel, photo, painting, tmp_path):
    environment = make_environment(tmp_path / "environment", wheel)
    folder = tmp_path / "work"
    folder.mkdir()
    for source, name in ((photo, "photo.jpg"), (painting, "painting.jpg")):
        with Image.open(source) as image:
            image.convert("RGB").save(folder / name)
    done = []
    for language, source in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if written := FILE.match(source):
            path = folder / written[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(written[2], encoding="utf-8")
        elif language == "sh":
            for line in source.splitlines():
                words = shlex.split(line)
                done.append(words[0])
                if words[0] == "cd":
                    folder = folder / words[1]
                elif words == ["pip", "install", "-e", ".[testing]"]:
                    environment.install(folder, editable=True)
                elif words[0] == "pytest":
                    environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
                elif words[0] == "stylize":
                    small = SMALL if "photo.jpg" in words else ()
                    # The bench uses gatys; commands that name no method use the default one.
                    method = "gatys" if "bench" in words else "neighbors"
                    quick = small or "bench" in words
                    few = ("--set", f"{method}.iterations=1") if quick else ()
                    environment.stylize(*words[1:], *small, *few, cwd=folder)
                else:
                    assert LEFT & set(words), line
    assert done.count("stylize") == 5
    found = json.loads((folder / "bench" / "bench.json").read_text(encoding="utf-8"))
    assert list(found["parts"]) == ["none", "divisive"]
    assert {cell["status"] for cell in found["cells"]} == {"made"}
    shutil.rmtree(environment.folder)
