"""The paper's claims, each with a check of what holds on its own networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from paper import DUSK, PAINTING, PHOTOS, NotRunError, Paper

from stylize import read_image
from stylize_compare.bench.activations import measure_flatness
from stylize_compare.bench.gains import TRADES, Gain, Judged, measure_gain
from stylize_compare.bench.planning import plan_bench
from stylize_compare.bench.protocol import SUBJECTS

__all__ = ["CLAIMS", "Claim"]

SMOOTHINGS = ("softmax", "tanh", "softsign", "scale")
# Relative to the paper's weight of 1e12.
STRENGTHS = "0.01,0.1,1,10"
SHORT = ("--steps", "2", "--crop", "64", "--batch", "1", "--workers", "0")


# Returns the measurements and the verdict.
Check = Callable[[Paper], tuple[str, str]]


@dataclass(frozen=True)
class Claim:
    """A row of the table: a claim, its place in the paper, and its check."""

    section: str
    text: str
    check: Check


def transfers(style: str, photos: Sequence[str], name: str, *words: str) -> Check:
    """Return the check that pictures keep content and take on style.

    Args:
        words: of the command that makes them; of a preset, with VGG-19.
    """

    def check(paper: Paper) -> tuple[str, str]:
        own = (*paper.vgg, *paper.few) if "--preset" in words else ()
        made = [paper.picture(name, photo, style, *words, *own) for photo in photos]
        bare = [paper.judged(photo, photo, style).style for photo in photos]
        content, taken = fmean(v.content for v in made), fmean(v.style for v in made)
        measured = f"content {content:.2f}, style {taken:.2f} (the photograph's {fmean(bare):.2f})"
        # A picture without any features has a content distance of 1.
        holds = (taken < fmean(bare) / 2) + (content < 1)
        return measured, ("disagrees", "agrees in part", "agrees")[holds]

    return check


def optimisers(paper: Paper) -> tuple[str, str]:
    found = paper.compare(
        "optimisers", *PHOTOS, "--style", PAINTING, "--method", "gatys", *paper.vgg, *paper.work,
        *("--vary", "gatys.optimizer=lbfgs,adam", "--set", "gatys.whiten=0"),
        *("--set", "gatys.scales=1", "--set", "gatys.iterations=100"), *paper.few,
    )  # fmt: skip
    rows = {
        name: [row for row in found["rows"] if row["varied"]["gatys.optimizer"] == name]
        for name in ("lbfgs", "adam")
    }
    means = {
        key: [_mean(rows[name], key) for name in rows]
        for key in ("style_distance", "content_distance", "seconds", "peak_memory")
    }
    words = [
        f"{key.removesuffix('_distance').replace('_', ' ')} {_number(a)} and {_number(b)}"
        for key, (a, b) in means.items()
    ]
    parts = {
        "the picture": _above(*reversed(means["style_distance"])),
        "time": _above(*means["seconds"]),
        "memory": _above(*means["peak_memory"]),
    }
    agreed = [part for part, holds in parts.items() if holds]
    verdict = f"agrees for {', '.join(agreed)}" if agreed else "disagrees"
    return f"L-BFGS and Adam: {', '.join(words)}", verdict


def fast(paper: Paper) -> tuple[str, str]:
    if not paper.data:
        raise NotRunError("give --data, a folder of photographs (MS-COCO), to train")
    few = SHORT if paper.quick else ()
    model = str(paper.folder / "fast.safetensors")
    paper.stylize(
        "train", "johnson", "--style", PAINTING, "--data", paper.data, "--preset",
        "johnson_paper", *paper.vgg, "--device", paper.device, *few, "-o", model,
        kept="fast.safetensors",
    )  # fmt: skip
    return transfers(PAINTING, PHOTOS, "fast", "--method", "johnson", "--model", model)(paper)


def arbitrary(paper: Paper) -> tuple[str, str]:
    if not (paper.data and paper.styles):
        raise NotRunError("give --data and --styles (MS-COCO and WikiArt) to train")
    few = SHORT if paper.quick else ()
    model = str(paper.folder / "any.safetensors")
    paper.stylize(
        "train", "adain", "--styles", paper.styles, "--data", paper.data, "--preset",
        "adain_paper", *paper.vgg, "--device", paper.device, *few, "-o", model,
        kept="any.safetensors",
    )  # fmt: skip
    found = paper.compare(
        "alpha", *PHOTOS, "--style", PAINTING, "--model", model, "--vary", "alpha=0,0.5,1",
        "--size", paper.size, "--device", paper.device,
    )  # fmt: skip
    styles, contents = (
        [
            _mean([row for row in found["rows"] if row["varied"]["alpha"] == alpha], key)
            for alpha in ("0", "0.5", "1")
        ]
        for key in ("style_distance", "content_distance")
    )
    trades = _above(styles[0], styles[-1]) and _above(contents[-1], contents[0])
    measured = f"style {' '.join(map(_number, styles))}, content {' '.join(map(_number, contents))}"
    return f"alpha 0, 0.5, 1: {measured}", "agrees" if trades else "disagrees"


def peaky(paper: Paper) -> tuple[str, str]:
    entropies = {}
    for name, network in (("VGG-19", paper.vgg), ("ResNet-50", paper.resnet)):
        given = dict(zip([word[2:] for word in network[::2]], network[1::2], strict=True))
        planned = plan_bench(
            paper.host,
            SUBJECTS["smoothing"],
            ["none"],
            paper.extent,
            paper.folder,
            method="gatys",
            given={**given, "device": paper.device},
        )
        rows = measure_flatness(paper.host, planned.plans["none"], PHOTOS)
        entropies[name] = {row["layer"]: row["entropy"] for row in rows}
    listed = "; ".join(
        f"{name} " + ", ".join(f"{layer} {_number(value)}" for layer, value in layers.items())
        for name, layers in entropies.items()
    )
    vgg, resnet = (fmean(layers.values()) for layers in entropies.values())
    return f"entropy: {listed}", "agrees" if resnet < vgg else "disagrees"


def worst(paper: Paper) -> tuple[str, str]:
    names = ("vgg19", *SMOOTHINGS)
    gains = {name: _gain(_cells(paper), name, "resnet50", 1).difference for name in names}
    measured = ", ".join(f"{name} {_signed(gain)}" for name, gain in gains.items())
    better = sum(gain is not None and gain < 0 for gain in gains.values())
    verdict = {len(gains): "agrees", 0: "disagrees"}.get(better, "agrees in part")
    return f"style at equal structure, against the bare ResNet: {measured}", verdict


def literal(paper: Paper) -> Any:
    return paper.compare(
        "literal", *PHOTOS, "--style", PAINTING, "--preset", "swag", *paper.resnet, *paper.work,
        *paper.few, "--vary", f"smooth=none,{','.join(SMOOTHINGS)}",
        "--vary", f"strength={STRENGTHS}",
    )  # fmt: skip


def alike(paper: Paper) -> tuple[str, str]:
    fronts = [row for row in literal(paper)["fronts"] if row["of"] == "style"]
    found = {row["variant"].removeprefix("smooth="): row["difference"] for row in fronts}
    measured = ", ".join(f"{name} {_signed(value)}" for name, value in found.items())
    values = [value for value in found.values() if value is not None]
    if len(values) < len(SMOOTHINGS):
        return f"style at equal content, by the letter: {measured}", "fronts do not overlap"
    all_better = max(values) < 0
    similar = all_better and min(values) > 2 * max(values)
    verdict = "agrees" if similar else "agrees in part" if min(values) < 0 else "disagrees"
    return f"style at equal content, by the letter: {measured}", verdict


def scaling(paper: Paper) -> tuple[str, str]:
    pictures = {
        (row["content"], row["varied"]["smooth"]): read_image(row["file"]).pixels
        for row in literal(paper)["rows"]
        if row["varied"]["strength"] == "1"
    }
    levels = {
        other: 255 * fmean(
            float((pictures[photo, other] - pictures[photo, "softmax"]).abs().mean())
            for photo in PHOTOS
        )
        for other in ("scale", "none")
    }  # fmt: skip
    measured = f"{levels['scale']:.1f} of 255 levels from softmax; none is {levels['none']:.1f}"
    return measured, "agrees" if levels["scale"] < levels["none"] / 3 else "disagrees"


def better(paper: Paper) -> tuple[str, str]:
    wins: set[str] = set()
    words = []
    for name in SMOOTHINGS:
        gain = _gain(_cells(paper), name, "vgg19", 0)
        won = {pair for pair, difference in gain.differences.items() if difference < 0}
        wins |= won
        words.append(f"{name} on {len(won)} of {len(gain.differences)}")
    measured = f"nearer in strokes than VGG-19 at equal structure: {', '.join(words)} pairs"
    return measured, "agrees" if wins else "disagrees"


def _cells(paper: Paper) -> list[Judged]:
    """Return the cells of both networks' benches; those without smoothing by the network."""
    resnet = paper.bench("resnet50", paper.resnet, *SMOOTHINGS)
    return [*paper.bench("vgg19", paper.vgg, "none"), *resnet]


def _gain(cells: Sequence[Judged], name: str, reference: str, trade: int) -> Gain:
    pairs = list(dict.fromkeys(place.pair.name for place, _ in cells))
    return measure_gain(cells, name, reference, pairs, TRADES[trade])


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [row[key] for row in rows if row[key] is not None]
    return fmean(values) if values else None


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def _signed(value: float | None) -> str:
    return "no level in common" if value is None else f"{value:+.3f}"


def _above(one: float | None, other: float | None) -> bool:
    """Whether the first is larger; false if either is unknown."""
    return one is not None and other is not None and one > other


CLAIMS = (
    Claim(
        "2, 6.1", "Gatys' transfer keeps content and takes style",
        transfers(PAINTING, PHOTOS, "artistic", "--preset", "gatys_artistic"),
    ),
    Claim("6.1", "L-BFGS gives better pictures than Adam, for more memory and time", optimisers),
    Claim(
        "6.1", "daytime transfer with the printed weights",
        transfers(DUSK, PHOTOS[:1], "daytime", "--preset", "gatys_daytime"),
    ),
    Claim("3, 6.2", "a network for each style gives the style in one pass", fast),
    Claim("4, 6.3", "one network for all paintings; alpha trades content for style", arbitrary),
    Claim("5", "residual features are peaky, of small entropy; VGG's are not", peaky),
    Claim("5, 6.4", "without smoothing a ResNet gives the lowest quality", worst),
    Claim("6.4", "softmax, tanh, softsign and scaling all improve the pictures, alike", alike),
    Claim("6.4", "scaling by 0.001 reaches the effect of softmax", scaling),
    Claim("6.4", "ResNet with SWAG outperforms VGG-19 in some cases", better),
)  # fmt: skip
