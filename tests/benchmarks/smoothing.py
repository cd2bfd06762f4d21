"""Does smoothing help residual features? Fronts of resnet50_thin, as a table of one run.

    python tests/benchmarks/smoothing.py OUT_FOLDER [CONTENT ... --style STYLE ...]

Every content is paired with every style (the two demo photographs and the demo painting without
any), at four strengths, without smoothing and with each; `scale` is left out, as under the
relative balance it changes nothing. The table gives the judged style distance at equal content
distance, against no smoothing. Finished pictures are kept in OUT_FOLDER; a second run goes on.
"""

from __future__ import annotations

import argparse
import sys
from importlib import resources
from pathlib import Path

from stylize.command.app import run


def main() -> int:
    demo = resources.files("stylize") / "demo"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("contents", nargs="*", default=[])
    parser.add_argument("--style", action="append")
    parser.add_argument("--size", default="384")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    contents = options.contents or [str(demo / "china.jpg"), str(demo / "astronaut.jpg")]
    styles = options.style or [str(demo / "starry_night.jpg")]
    return run(
        [
            "compare",
            *contents,
            *(part for style in styles for part in ("--style", style)),
            *("--vary", "preset=thin_none,thin_tanh,thin_softsign,thin_softmax"),
            *("--vary", "strength=1,5,25,125"),
            *("--set", "gatys.scales=1", "--set", "gatys.iterations=60"),
            *("--size", options.size),
            *("-o", str(options.folder / "fronts.png")),
            *("--front", str(options.folder / "fronts_plot.png")),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
