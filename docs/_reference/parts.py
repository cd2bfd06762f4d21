"""The pages on installed parts: settings and parts, presets, trained models, model files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from _reference.markdown import cell, code, page, table, value
from stylize import (
    BackboneSpec,
    ComponentSpec,
    Kind,
    LossSpec,
    MethodSpec,
    ModelHeader,
    PluginHost,
    RunSettings,
    Settings,
    SmoothingSpec,
    find_model,
    load_preset,
)
from stylize.modelfile import MODEL_KEY, MODEL_SCHEMA
from stylize.testing.hosts import builtin_host
from stylize_develop.listing import describe_settings
from stylize_models.summaries import summarize
from stylize_train.settings import TrainingSettings

__all__ = ["model_file", "models", "presets", "settings"]

SETTINGS = (
    "The settings of a run, of training, and of all built-in parts. Those of a run and of "
    "training are options of [the command](cli.md), keywords of `stylize_image` and keys of "
    "presets. Set a part's settings with `--set PART.NAME=VALUE`, in presets under "
    '`[settings.options.PART]`, and in Python with `options={"PART": {"NAME": value}}`; some '
    "have an option too, which the table shows. For parts of other distributions, use `stylize "
    "plugins list` and `stylize plugins show NAME`."
)
PRESETS = (
    "Named settings, with their sources. Use one with `--preset NAME`; other options override it. "
    "`stylize presets show NAME` and `stylize presets diff FIRST SECOND` print them. All other "
    "settings keep their [defaults](settings.md)."
)
MODELS = (
    "The trained styles that stylize includes. `stylize models sheet photo.jpg` shows your "
    "photograph in each of them, and `stylize models list --time` measures their speed on your "
    "machine. `--strength` goes from 0, the photograph, to 1, the whole style (of `any`, to 1.25). "
    "The cards say how they were trained, how fast they are, and where they fail: "
    "[johnson](model-cards/johnson.md), [adain](model-cards/adain.md)."
)
PICTURES = Path(__file__).parents[1] / "gallery" / "models"
MODEL_FILE = (
    "A model is one [safetensors](https://github.com/huggingface/safetensors) file. `stylize "
    "train` writes it, `--model` reads it, and a plugin may include it. Its tensors are the "
    "method's network in float16. Its metadata has one entry, `{key}`, a JSON object that can be "
    "read without torch; reading a model runs no code. This is schema {schema}. stylize rejects "
    "a file of a higher schema and says what to do; it ignores unknown fields."
)


def settings() -> str:
    """Return the page of settings: of a run, of training, and of all built-in parts."""
    host = builtin_host()
    lines = ["## Settings of a run", "", *_fields(RunSettings)]
    lines += ["## Settings of training", "", *_fields(TrainingSettings)]
    for kind in (Kind.METHOD, Kind.BACKBONE, Kind.SMOOTHING, Kind.LOSS):
        for spec in host.specs(kind):
            lines += [f"## {kind} `{spec.name}`", "", f"{spec.summary}.", ""]
            if facts := [fact for fact in _facts(spec) if fact[1]]:
                lines += table(("", ""), facts)
            if described := describe_settings(host, spec):
                rows = [
                    (
                        ", ".join(map(code, filter(None, (name, field["option"])))),
                        value(field["default"]),
                        cell(field["allowed"]),
                        cell(field["description"]),
                    )
                    for name, field in described.items()
                ]
                lines += table(("setting", "default", "allowed", "meaning"), rows)
    return page("Settings and parts", SETTINGS, lines)


def presets() -> str:
    """Return the page of presets, with all values and citations."""
    host = builtin_host()
    lines: list[str] = []
    for name in host.names(Kind.PRESET):
        preset = load_preset(host, name)
        lines += [f"## `{name}`", "", f"{preset.summary}.", "", f"Source: {preset.citation}.", ""]
        options = preset.settings.get("options", {})
        rows = [(key, content) for key, content in preset.settings.items() if key != "options"]
        rows += [(f"{part}.{k}", v) for part, values in options.items() for k, v in values.items()]
        rows += list(preset.training.items())
        lines += table(("setting", "value"), [(code(key), value(v)) for key, v in rows])
    return page("Presets", PRESETS, lines)


def models() -> str:
    """Return the catalogue of trained models, with their pictures, if there are any."""
    host = builtin_host()
    lines: list[str] = []
    for name in host.names(Kind.MODEL):
        model = find_model(host, name)
        says = summarize(host, model)
        lines += [f"## `{name}`", "", f"{says}. {model.path.stat().st_size / 1e6:.1f} MB.", ""]
        if (PICTURES / f"{name}.jpg").is_file():
            picture = (
                f"```{{image}} ../gallery/models/{name}.jpg",
                f":alt: {says}",
                ":width: 320px",
            )
            lines += [*picture, "```", ""]
        takes = "painting.jpg " * (
            host.get(MethodSpec, model.header.method).needs_style and not model.base
        )
        lines += ["```sh", f"stylize photo.jpg {takes}--model {name}", "```", ""]
        lines += table(("", ""), _model_facts(host, name))
    return page("Models", MODELS, lines)


def model_file() -> str:
    """Return the page of the format of model files, from the header's schema."""
    example = find_model(builtin_host(), "starry_night").header.model_dump(mode="json")
    rows = [
        (code(name), "yes" if field.is_required() else "", cell(field.description or ""))
        for name, field in ModelHeader.model_fields.items()
    ]
    lines = ["## The header", "", *table(("field", "required", "meaning"), rows)]
    lines += [
        "The header of `starry_night`:",
        "",
        "```json",
        json.dumps(example, indent=2),
        "```",
    ]
    return page("The model file", MODEL_FILE.format(key=MODEL_KEY, schema=MODEL_SCHEMA), lines)


def _fields(model: type[Settings]) -> list[str]:
    rows = [
        (
            code(name),
            value(field.get_default(call_default_factory=True)),
            cell(field.description or ""),
        )
        for name, field in model.model_fields.items()
    ]
    return table(("setting", "default", "meaning"), rows)


def _facts(spec: ComponentSpec) -> Iterator[tuple[str, str]]:
    if isinstance(spec, BackboneSpec):
        for weights in spec.weights:
            where = "embedded" if weights.embedded else "downloaded by torchvision"
            licence = "" if weights.license == "unknown" else f", {weights.license}"
            yield f"weights `{spec.name}.{weights.tag}`", f"{where}{licence}"
        yield "content layers", _names(spec.content_layers)
        yield "style layers", _names(spec.style_layers)
        yield "smoothed layers", _names(spec.smooth_layers)
    elif isinstance(spec, MethodSpec):
        yield "trains", "yes: `stylize train " + spec.name + "`" if spec.trainable else "no"
        yield "uses paintings", "when it makes a picture" if spec.needs_style else "in training"
        yield "default model", code(spec.default_model or "")
        for name, own in spec.usual.items():
            which = "defaults" if name == "*" else f"defaults with backbone `{name}`"
            yield which, ", ".join(_usual(own))
    elif isinstance(spec, SmoothingSpec):
        yield "each activation by itself", "yes" if spec.pointwise else "no"
    elif isinstance(spec, LossSpec):
        yield "compares", str(spec.role)
        paper = ", ".join(f"{spec.name}.{key}={v}" for key, v in spec.paper.items())
        yield "under `--balance paper`", code(paper)


def _usual(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield run settings as the page writes them, options of parts by the part's role."""
    parts = settings.get("options", {})
    flat = {f"{part}.{name}": v for part, own in parts.items() for name, v in own.items()}
    for name, setting in {**settings, **flat}.items():
        if name != "options":
            yield f"`{name}` `{setting}`"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _model_facts(host: PluginHost, name: str) -> Iterator[tuple[str, str]]:
    model = find_model(host, name)
    header = model.header
    if model.base:
        yield "painting", ", ".join(f"`{style.name}`" for style in header.styles)
        yield "painted by", code(header.base)
        yield "its settings", _pairs(header.usual)
        yield "licence", cell(header.license)
        return
    yield "method", code(header.method)
    yield "network", _pairs(header.network)
    yield "paintings", ", ".join(f"`{style.name}`" for style in header.styles)
    yield "photographs in training", str(header.pictures)
    yield "steps", f"{header.steps:,}"
    yield "losses' network", code(header.backbone)
    yield "run settings", _pairs(header.run)
    yield "training settings", _pairs(header.training)
    yield "licence", cell(header.license)
    yield "made with", f"stylize {header.framework}"


def _pairs(values: dict[str, Any]) -> str:
    flat = [(key, v) for key, v in values.items() if key != "options"]
    for part, options in values.get("options", {}).items():
        flat += [(f"{part}.{key}", v) for key, v in options.items()]
    return ", ".join(f"`{key}` {value(v) or code('none')}" for key, v in flat)
