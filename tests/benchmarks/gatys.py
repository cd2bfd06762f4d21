"""Speed, quality and memory of gatys against the reference recipe, as ratios within one run.

    python tests/benchmarks/gatys.py [--size 512] [--memory-size 1024] [CONTENT STYLE]

Each picture has its own process, so that times include start-up and peak memory is that of one
process. Exits 1 if a claim of the README does not hold on this machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

from processes import Row, enlarge, run, stylize

from stylize import Judge, read_image

REFERENCE = Path(__file__).with_name("reference.py")
EVALUATIONS = 400
# Enough for L-BFGS to fill its history, and so to hold all that a whole run holds.
MEMORY_EVALUATIONS = 24


def main() -> int:
    demo = resources.files("stylize") / "demo"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", help="content and style; the demo pair by default")
    parser.add_argument("--size", default="512")
    parser.add_argument("--memory-size", default="1024")
    options = parser.parse_args()
    content, style = options.files or (str(demo / "china.jpg"), str(demo / "starry_night.jpg"))
    photo, painting, judge = read_image(content).pixels, read_image(style).pixels, Judge()

    with tempfile.TemporaryDirectory() as folder:

        def make(name: str, command: list[str]) -> Row:
            row = run(name, [part.replace("OUT", f"{folder}/{name}.png") for part in command])
            output = read_image(f"{folder}/{name}.png").pixels
            return Row(row.name, row.seconds, row.peak, judge(output, photo, painting))

        reference = [sys.executable, str(REFERENCE), content, style, "OUT"]
        rows = [make("reference", [*reference, options.size, str(EVALUATIONS)])]
        for quality in ("draft", "good", "best"):
            arguments = [
                "--method",
                "gatys",
                "--quality",
                quality,
                "--size",
                options.size,
                content,
                style,
                "-o",
                "OUT",
            ]
            rows.append(make(quality, stylize(*arguments)))
        report(rows)

        large = options.memory_size
        big = [enlarge(path, int(large), Path(folder)) for path in (content, style)]
        count = str(MEMORY_EVALUATIONS)
        plain = run("reference", [*reference[:2], *big, f"{folder}/large.png", large, count])
        steps = ["--method", "gatys", "--set", f"gatys.iterations={count}"]
        lean = run("good", stylize("--size", large, *steps, *big, "-o", f"{folder}/large.png"))
    ratio = lean.peak / plain.peak
    print(f"peak memory at {large} px: {plain.peak:.0f} -> {lean.peak:.0f} MB, ratio {ratio:.2f}")
    return check(rows, ratio)


def report(rows: list[Row]) -> None:
    first = rows[0]
    assert first.verdict is not None
    print("                 s  ratio  content  ratio  style  ratio     MB")
    for row in rows:
        assert row.verdict is not None
        print(
            f"{row.name:10} {row.seconds:7.1f} {row.seconds / first.seconds:6.3f} "
            f"{row.verdict.content:8.3f} {row.verdict.content / first.verdict.content:6.3f} "
            f"{row.verdict.style:6.3f} {row.verdict.style / first.verdict.style:6.3f} "
            f"{row.peak:6.0f}",
            flush=True,
        )


def check(rows: list[Row], memory_ratio: float) -> int:
    reference, draft, good, _ = rows
    assert reference.verdict is not None
    assert good.verdict is not None
    claims = {
        "good takes a third of the reference's time": good.seconds <= reference.seconds / 3,
        "draft takes a tenth of the reference's time": draft.seconds <= reference.seconds / 10,
        "good's content is at most 5% above": good.verdict.content
        <= 1.05 * reference.verdict.content,
        "good's style is at most 5% above": good.verdict.style <= 1.05 * reference.verdict.style,
        "good's memory is at most half": memory_ratio <= 0.5,
    }
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'FAILS'}: {claim}")
    return 0 if all(claims.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
