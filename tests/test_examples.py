"""Every example runs as its first lines say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_blend_two_styles_writes_a_strip_of_five(tmp_path, photo, painting, demo):
    script = EXAMPLES / "blend_two_styles.py"
    output = tmp_path / "strip.png"
    other = demo / "astronaut.jpg"
    command = [sys.executable, script, photo, painting, other, output, "48"]
    subprocess.run(list(map(str, command)), check=True)
    with Image.open(output) as strip:
        assert strip.width == 5 * 48
