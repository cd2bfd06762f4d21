"""Runs the command with the paper's networks: pictures, comparisons, benches."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from stylize import Judge, PluginHost, Verdict, read_image
from stylize.command.app import run
from stylize_compare.bench.gains import Judged
from stylize_compare.bench.planning import Place
from stylize_compare.bench.protocol import FULL, PAIRS, QUICK, Extent
from stylize_compare.cells import DISTANCES

__all__ = ["DUSK", "PAINTING", "PHOTOS", "NotRunError", "Paper"]

PICTURES = Path(str(resources.files("stylize_compare.bench") / "pictures"))
# Figure 7 has four photographs.
PHOTOS = [str(PICTURES / f"{name}.jpg") for name in ("china", "astronaut", "chelsea", "coffee")]
PAINTING = str(PICTURES / "starry_night.jpg")
DUSK = str(PICTURES / "rocket.jpg")


class NotRunError(Exception):
    """The reason why a claim cannot be checked."""


@dataclass(frozen=True)
class Paper:
    """One reproduction.

    Args:
        folder: keeps the results.
        vgg, resnet: options that name the networks.
        data, styles: folders to train with, or None.
    """

    folder: Path
    vgg: tuple[str, ...]
    resnet: tuple[str, ...]
    quick: bool
    device: str
    data: str | None
    styles: str | None

    @functools.cached_property
    def host(self) -> PluginHost:
        """The plugins."""
        return PluginHost.discover()

    @functools.cached_property
    def judge(self) -> Judge:
        """The judge of single pictures."""
        return Judge(self.host, self.device, size=int(self.size))

    @property
    def extent(self) -> Extent:
        """The extent of the benches, whose size all pictures have."""
        return QUICK if self.quick else FULL

    @property
    def size(self) -> str:
        """Longer side of the pictures."""
        return str(self.extent.size)

    @property
    def work(self) -> tuple[str, ...]:
        """Options of every picture."""
        return ("--size", self.size, "--device", self.device)

    @property
    def few(self) -> tuple[str, ...]:
        """Options of every picture by gatys, overriding a preset's."""
        return ("--set", f"gatys.iterations={self.extent.iterations}") if self.quick else ()

    def stylize(self, *words: str, kept: str | None = None) -> None:
        """Run the command. Raises: NotRunError.

        Args:
            kept: a file that the command makes; if it exists, the command does not run.
        """
        if kept and (self.folder / kept).exists():
            return
        if code := run([*words]):
            if code == 130:
                raise KeyboardInterrupt
            raise NotRunError(f"`stylize {words[0]}` ended with exit code {code}")

    def compare(self, name: str, *words: str) -> Any:
        """Run a comparison and return its JSON."""
        self.stylize("compare", *words, "--quiet", "-o", str(self.folder / f"{name}.png"))
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    def judged(self, path: str, content: str, style: str) -> Verdict:
        """Return the judge's verdict on a file."""
        pixels = [read_image(name).pixels for name in (path, content, style)]
        return self.judge(*pixels)

    def picture(self, name: str, content: str, style: str, *words: str) -> Verdict:
        """Make a picture and judge it. A model already has its painting."""
        path = f"{name}_{Path(content).stem}.png"
        out = str(self.folder / path)
        painting = () if "--model" in words else ("--style", style)
        self.stylize("picture", content, *painting, *words, *self.work, "-o", out, kept=path)
        return self.judged(out, content, style)

    def bench(self, name: str, network: Sequence[str], *smoothings: str) -> list[Judged]:
        """Run the bench of smoothings and return its cells; `none` gets the network's name."""
        out = self.folder / f"bench_{name}"
        quick = ["--quick"] if self.quick else []
        words = [*smoothings, *network, *quick, "--device", self.device, "--quiet"]
        self.stylize("bench", "smoothing", *words, "-o", str(out))
        document = json.loads((out / "bench.json").read_text(encoding="utf-8"))
        pairs = {pair.name: pair for pair in PAIRS}
        return [
            (
                Place(
                    name if cell["name"] == "none" else cell["name"],
                    pairs[cell["pair"]],
                    cell["strength"],
                    cell["seed"],
                ),
                {key: cell[f"{key}_distance"] for key in DISTANCES},
            )
            for cell in document["cells"]
        ]
