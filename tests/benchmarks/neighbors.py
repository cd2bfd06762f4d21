"""Speed, quality and memory of neighbors compared to gatys, as ratios within one run.

    python tests/benchmarks/neighbors.py [--size 512] [--memory-size 1024] [CONTENT STYLE]

Each picture has its own process, so that times include start-up and peak memory is that of one
process. Exits 1 if a claim does not hold on this machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

from processes import Row, enlarge, run, stylize

from stylize import Judge, read_image

# At each size: enough for L-BFGS to fill its history.
MEMORY_EVALUATIONS = 12
PEAK_MB = 2500


def main() -> int:
    demo = resources.files("stylize") / "demo"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", help="content and style; the demo pair by default")
    parser.add_argument("--size", default="512")
    parser.add_argument("--memory-size", default="1024")
    options = parser.parse_args()
    content, style = options.files or (str(demo / "china.jpg"), str(demo / "starry_night.jpg"))
    judge = Judge()
    photo, painting = read_image(content).pixels, read_image(style).pixels
    measured = judge.measure_content(photo), judge.measure_style(painting)

    with tempfile.TemporaryDirectory() as folder:

        def make(method: str, quality: str) -> Row:
            out = f"{folder}/{method}_{quality}.png"
            chosen = ("--method", method, "--quality", quality, "--size", options.size)
            row = run(f"{method} {quality}", stylize(*chosen, content, style, "-o", out))
            return Row(row.name, row.seconds, row.peak, judge(read_image(out).pixels, *measured))

        gatys, good, draft = rows = [
            make("gatys", "good"),
            make("neighbors", "good"),
            make("neighbors", "draft"),
        ]
        report(rows)
        large = options.memory_size
        big = [enlarge(path, int(large), Path(folder)) for path in (content, style)]
        count = f"neighbors.iterations={MEMORY_EVALUATIONS}"
        steps = ("--method", "neighbors", "--size", large, "--set", count)
        lean = run("large", stylize(*steps, *big, "-o", f"{folder}/large.png"))
    print(f"peak memory at {large} px: {lean.peak:.0f} MB")
    claims = {
        "good takes no longer than good of gatys": good.seconds <= gatys.seconds,
        "draft takes at most a third of that": draft.seconds <= gatys.seconds / 3,
        f"peak memory is under {PEAK_MB} MB": lean.peak < PEAK_MB,
    }
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'FAILS'}: {claim}")
    return 0 if all(claims.values()) else 1


def report(rows: list[Row]) -> None:
    print("                       s  ratio  content  style  structure  strokes     MB")
    for row in rows:
        assert row.verdict is not None
        verdict = row.verdict
        print(
            f"{row.name:16} {row.seconds:7.1f} {row.seconds / rows[0].seconds:6.3f} "
            f"{verdict.content:8.3f} {verdict.style:6.3f} {verdict.structure:10.3f} "
            f"{verdict.strokes:8.3f} {row.peak:6.0f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
