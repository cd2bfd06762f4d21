"""The kinds of package that have templates, and the result of each template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["EXAMPLES", "PLUGIN_KINDS", "Example", "PluginKind"]

PluginKind = Literal[
    "smoothing", "backbone", "loss", "method", "trainable", "command", "preset", "model", "weights",
    "observer",
]  # fmt: skip
PLUGIN_KINDS: tuple[PluginKind, ...] = get_args(PluginKind)


@dataclass(frozen=True)
class Example:
    """What a kind's templates make.

    Args:
        summary: one line, without a full stop.
        use, tell: command lines that use it and that describe it, with fields as `name`,
            `distribution` and `variable`.
        files: what its files hold, by name.
        word: what it is, in words; the kind's own name by default.
        class_: what the class that it begins with is, at the end of its name.
    """

    summary: str
    use: str
    files: Mapping[str, str]
    tell: str = "stylize plugins show {name}"
    word: str = ""
    class_: str = ""


DECLARATION = "what the plugin adds, as data"
SETTINGS = "its settings, a pydantic model, without torch"
EXAMPLES: dict[PluginKind, Example] = {
    "smoothing": Example(
        "Inverse hyperbolic sine: keeps small activations, compresses large ones",
        "stylize photo.jpg painting.jpg --smooth {name}",
        {"__init__.py": "declaration, settings and the function of features"},
    ),
    "backbone": Example(
        "Four blocks of convolutions, seeded random unless weights are given",
        "stylize photo.jpg painting.jpg --backbone {name}",
        {
            "__init__.py": DECLARATION,
            "settings.py": SETTINGS,
            "network.py": "the network and its layers",
        },
    ),
    "loss": Example(
        "Difference of how much each channel is above and below zero",
        "stylize photo.jpg painting.jpg --style-loss {name}",
        {"__init__.py": "declaration, settings, the statistics that are kept and their distance"},
    ),
    "method": Example(
        "Descent on the picture, coarse to fine, from the photograph in coloured noise",
        "stylize photo.jpg painting.jpg --method {name}",
        {
            "__init__.py": DECLARATION,
            "settings.py": SETTINGS,
            "method.py": "how the picture is made",
        },
    ),
    "command": Example(
        "The main colours of pictures, drawn",
        "stylize {name} painting.jpg",
        {
            "__init__.py": DECLARATION,
            "command.py": "arguments, options, and the batch that does the work",
            "colors.py": "the work",
        },
        tell="stylize {name} --help",
    ),
    "trainable": Example(
        "One pass of a small network that was trained for one painting",
        "stylize train {name} --style painting.jpg --data photographs -o model.safetensors",
        {
            "__init__.py": DECLARATION,
            "settings.py": SETTINGS,
            "network.py": "the network",
            "task.py": "what training minimises",
            "method.py": "how a trained network makes a picture",
        },
        word="method",
        class_="Method",
    ),
    "preset": Example(
        "Gatys, three times as strong, with more of the coarse layers",
        "stylize photo.jpg painting.jpg --preset {name}",
        {
            "__init__.py": DECLARATION,
            "presets/{name}.toml": "its settings, and where they are from",
        },
        tell="stylize presets show {name}",
    ),
    "model": Example(
        "One of stylize's own models, until yours takes its place",
        "stylize photo.jpg --model {name}",
        {
            "__init__.py": DECLARATION + ", and how to train your own",
            "models/{name}.safetensors": "the model; its header says what it learnt",
        },
        tell="stylize models show {name}",
        word="trained model",
    ),
    "weights": Example(
        "Weights of any backbone from a folder of files",
        "stylize photo.jpg painting.jpg --backbone vgg19.{name}",
        {"__init__.py": "the hook that says whose weights it has", "source.py": "the weights"},
        tell="stylize plugins show {distribution}",
        word="source of weights",
        class_="Source",
    ),
    "observer": Example(
        "A line of JSON on each picture: how long it took, how its losses fell",
        "{variable}=log.jsonl stylize photo.jpg painting.jpg",
        {"__init__.py": "the hook, and what follows a picture"},
        tell="stylize plugins show {distribution}",
    ),
}
