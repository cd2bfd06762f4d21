"""Checks the paper's claims on its own networks, and writes the table of docs/reproduction.md.

    make reproduce                                                  weights from torch's cache
    make reproduce REPRODUCE="--vgg19 FILE --resnet50 FILE"         weights from files
    make reproduce REPRODUCE="--data coco --styles wikiart"         the trainings too
    make reproduce REPRODUCE="--random --quick"                     a trial without the weights

It downloads nothing. A run keeps its results in its folder, and the same command resumes it. If a
claim cannot be checked, its row says why.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ["STYLIZE_OFFLINE"] = "1"

from claims import CLAIMS
from paper import NotRunError, Paper

from stylize import PluginHost, framework_version, load_backbone
from stylize.errors import StylizeError

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "_bench" / "reproduction.txt"
HEAD = ("section", "claim", "measured", "verdict")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check all claims and write the table."""
    options = _parse(arguments)
    tag = "random" if options.random else "imagenet1k_v1"
    networks = {
        name: ("--backbone", f"{name}.{tag}", *(("--weights", str(file)) if file else ()))
        for name, file in (("vgg19", options.vgg19), ("resnet50", options.resnet50))
    }
    try:
        fingerprints = {name: _fingerprint(words) for name, words in networks.items()}
    except StylizeError as error:
        print(f"{error}; or try the machinery with --random --quick", file=sys.stderr)
        return error.exit_code
    options.folder.mkdir(parents=True, exist_ok=True)
    paper = Paper(
        options.folder,
        networks["vgg19"],
        networks["resnet50"],
        options.quick,
        options.device,
        options.data,
        options.styles,
    )
    rows = []
    for claim in CLAIMS:
        print(f"{claim.section}: {claim.text}", file=sys.stderr)
        try:
            measured, verdict = claim.check(paper)
        except (NotRunError, StylizeError) as error:
            measured, verdict = str(error), "not run"
        except KeyboardInterrupt:
            print("interrupted: run the same command to resume", file=sys.stderr)
            return 130
        rows.append((claim.section, claim.text, measured, verdict))
    text = _table(rows, fingerprints, random=options.random, quick=options.quick)
    # A trial says nothing about the paper, so its numbers do not go on the page.
    place = options.folder / "table.md" if options.random else TABLE
    place.write_text(text, encoding="utf-8")
    print(text)
    print(f"{place}: written", file=sys.stderr)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vgg19", type=Path, metavar="FILE")
    parser.add_argument("--resnet50", type=Path, metavar="FILE")
    parser.add_argument("--data", metavar="FOLDER", help="photographs to train with")
    parser.add_argument("--styles", metavar="FOLDER", help="paintings to train with")
    parser.add_argument("--random", action="store_true", help="seeded random weights, for a trial")
    parser.add_argument("--quick", action="store_true", help="128 px and few evaluations")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "reproduce")
    options = parser.parse_args(arguments)
    if options.random and (options.vgg19 or options.resnet50):
        parser.error("--random has weights of its own: leave out --vgg19 and --resnet50")
    return options


def _fingerprint(words: Sequence[str]) -> str:
    """Return the fingerprint of a network's weights. Raises: StylizeError if unavailable."""
    name, weights = words[1], words[3] if len(words) > 2 else None
    network = load_backbone(PluginHost.discover(), name, weights=weights, device="cpu")
    return network.weights.fingerprint


def _table(
    rows: Sequence[Sequence[str]], fingerprints: dict[str, str], *, random: bool, quick: bool
) -> str:
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    table = "\n".join(f"| {' | '.join(row)} |" for row in lines)
    networks = ", ".join(f"{name} ({found[:12]})" for name, found in fingerprints.items())
    doubt = " **Random weights: a trial of the command. No number here means anything.**"
    return (
        f"{table}\n\nBy `make reproduce` with {networks}, stylize {framework_version()}"
        f"{', quick' if quick else ''}.{doubt if random else ''}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
