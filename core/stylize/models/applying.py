"""The trained model that a run applies, and the settings that the model then decides."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stylize.contract.plan import Plan, Problem, RunSettings
from stylize.contract.spec import BackboneSpec, Kind, MethodSpec, split_backbone_name
from stylize.errors import UsageError
from stylize.modelfile import ModelFile
from stylize.models.finding import find_model, known_models
from stylize.naming.names import full_name, name_parts, short_name
from stylize.recording.parts import name_recorded
from stylize.version import DISTRIBUTION

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = [
    "TRAINED",
    "choose_model",
    "method_name",
    "says",
    "take_over",
    "tell_unused",
    "trained_settings",
    "training_settings",
]

# Run settings that training fixes; the model file keeps them. The file of the backbone's weights
# is not one of them, as it may be elsewhere now: their fingerprint is kept.
TRAINED = (
    "backbone",
    "smooth",
    "smooth_layers",
    "gains",
    "content_loss",
    "style_loss",
    "image_loss",
    "content_layers",
    "style_layers",
    "content_weight",
    "style_weight",
    "balance",
)

# How many of a model's parts, in `_trained_parts`, see the pictures that it is applied to.
SEEN = 2


def method_name(host: PluginHost, settings: RunSettings) -> str:
    """Return the method's name: that of a given model, unless a method is given too.

    Raises: ModelError, UnknownNameError for a model that cannot be used.
    """
    if settings.model is None or "method" in settings.model_fields_set:
        return settings.method
    return trained_settings(host, find_model(host, settings.model)).method


def choose_model(host: PluginHost, method: MethodSpec, settings: RunSettings) -> ModelFile | None:
    """Return the model to apply, or None for a method that applies none.

    Raises: UsageError if a model is given and not needed, or needed and not given; ModelError,
        UnknownNameError for a model that cannot be used.
    """
    if not method.trainable:
        if settings.model is not None:
            raise UsageError(
                f"--model is of trained models, and method {method.name} applies none: choose "
                f"a --method that does ({_trainable(host)})"
            )
        return None
    home = host.origin(method).distribution if method.default_model else ""
    usual = method.default_model and full_name(host, Kind.MODEL, method.default_model, home)
    name = settings.model or usual
    if name is None:
        listed = ", ".join(
            model.name
            for model in known_models(host)
            if isinstance(model, ModelFile) and model.header.method == method.name
        )
        raise UsageError(
            f"method {method.name} applies a trained model: give --model with a name "
            f"({listed or 'none is installed'}) or a file"
        )
    chosen = find_model(host, name)
    own = trained_settings(host, chosen).method
    if own != host.key(method):
        raise UsageError(
            f"model {name} is of method {own}, not {host.key(method)}: use --method {own}"
        )
    return chosen


def trained_settings(host: PluginHost, model: ModelFile) -> RunSettings:
    """Return the run settings that a model was trained with, its parts by their names here.

    The header names the distributions of the parts. An older header does not: the parts are then
    those of the distribution that carries the model, or the framework's.

    Raises: ExtraMissingError for a part whose distribution is not installed.
    """
    header = model.header
    fields = RunSettings.model_fields
    defaults = {name: fields[name].get_default() for name in TRAINED}
    run = {**defaults, **header.run, "backbone": header.backbone, "method": header.method}
    if header.parts:
        run["options"] = {role: part.settings for role, part in header.parts.items()}
    else:
        run = name_parts(host, run, model.distribution, DISTRIBUTION)
    named = name_recorded(host, run, header.parts, made=f"model {model.name} was trained with")
    return RunSettings.model_validate(named)


def training_settings(host: PluginHost, method: MethodSpec, settings: RunSettings) -> RunSettings:
    """Return settings completed by the method's defaults for training.

    Raises: UsageError for a method that applies no model.
    """
    if not method.trainable:
        raise UsageError(f"method {method.name} applies no model: there is nothing to train")
    return fill_in(host, method, settings, method.training)


def fill_in(
    host: PluginHost,
    method: MethodSpec,
    settings: RunSettings,
    usual: Mapping[str, Mapping[str, object]],
) -> RunSettings:
    """Return settings completed by the method's usual ones.

    Args:
        usual: run settings by pattern of the backbone's name, which "*" may set; later ones win.
            Options of parts are filled in one by one, and those of the backbone that it has.
    """
    given = settings.model_fields_set - {"options"}
    own = None if "backbone" in given else usual.get("*", {}).get("backbone")
    backbone = short_name(str(own or settings.backbone))
    defaults: dict[str, object] = {}
    for pattern, values in usual.items():
        if fnmatch.fnmatchcase(backbone, pattern):
            defaults.update(values)
    defaults = name_parts(host, defaults, host.origin(method).distribution, DISTRIBUTION)
    parsed = RunSettings.model_validate({k: v for k, v in defaults.items() if k not in given})
    changes = {name: getattr(parsed, name) for name in parsed.model_fields_set}
    backbone, _ = split_backbone_name(str(changes.get("backbone", settings.backbone)))
    model = host.settings_model(host.get(BackboneSpec, backbone))
    known = model.model_fields if model else {}  # a stranger's vgg_tiny may know no pooling
    options = {
        part: {name: value for name, value in values.items() if part != "backbone" or name in known}
        for part, values in parsed.options.items()
    }
    for part, values in settings.options.items():
        # After the usual ones, whichever name of the part is used: the later wins.
        options[part] = {**options.pop(part, {}), **values}
    return settings.model_copy(update={**changes, "options": options})


def take_over(
    host: PluginHost, settings: RunSettings, method: MethodSpec, model: ModelFile
) -> RunSettings:
    """Return settings completed by those that the model was trained with.

    Raises: UsageError for a given setting that contradicts them, with the command that would
        train such a model.
    """
    header = model.header
    given = trained_settings(host, model)
    changes: dict[str, Any] = {"method": given.method, "model": model.name}
    for name in TRAINED:
        asked, own = getattr(settings, name), getattr(given, name)
        if name in settings.model_fields_set and not _same(name, asked, own):
            _refuse(model, name, asked, own)
        changes[name] = own
    options = {part: dict(values) for part, values in settings.options.items()}
    for part in ("method", method.name):
        for name, value in options.get(part, {}).items():
            own = header.network.get(name)
            if name in header.network and not says(value, own):
                _refuse(model, f"{method.name}.{name}", value, own)
    _check_parts(given, model, options)
    # Losses are not computed: their options from the model's training do not matter here.
    trained = _trained_parts(given)
    kept = {part: values for part, values in options.items() if part not in set().union(*trained)}
    seen = set().union(*trained[:SEEN])
    kept |= {part: values for part, values in given.options.items() if part in seen and values}
    kept[method.name] = {**header.network, **header.usual, **kept.get(method.name, {})}
    changes["options"] = kept
    return settings.model_copy(update=changes)


def tell_unused(plan: Plan) -> list[Problem]:
    """Return a warning of the settings that a method without features ignores."""
    if plan.method.needs_features or plan.method.trainable:  # training may use them
        return []
    settings, fields = plan.settings, RunSettings.model_fields
    given = [name for name in ("weights", *TRAINED) if name in settings.model_fields_set]
    changed = [name for name in given if getattr(settings, name) != fields[name].get_default()]
    unused = [f"--{name.replace('_', '-')}" for name in changed]
    for role, (spec, _) in plan.parts.items():
        if role != "method":
            set_ = {*settings.options.get(role, {}), *settings.options.get(spec.name, {})}
            unused += [f"--set {spec.name}.{option}" for option in sorted(set_)]
    if not unused:
        return []
    said = f"method {plan.method.name} looks at no features; without effect: {', '.join(unused)}"
    return [plan.warning(said)]


def _trained_parts(trained: RunSettings) -> list[set[str]]:
    """Return the parts that a model was trained with, each by its role and name.

    Those through which the model sees its pictures come first.
    """
    return [
        {"backbone", short_name(trained.backbone)},
        {"smoothing", short_name(trained.smooth)},
        {"content_loss", short_name(trained.content_loss)},
        {"style_loss", short_name(trained.style_loss)},
        *({"image_loss", short_name(name)} for name in trained.image_loss or ()),
    ]


def _check_parts(
    trained: RunSettings, model: ModelFile, options: Mapping[str, Mapping[str, Any]]
) -> None:
    """Reject options of backbone, smoothing and losses that differ from the training's.

    Raises: UsageError.
    """
    for names in _trained_parts(trained):
        own: dict[str, Any] = {}
        for name in names.intersection(trained.options):
            own |= trained.options[name]
        for part in names.intersection(options):
            for name, value in options[part].items():
                if name not in own or not says(value, own[name]):
                    _refuse(model, f"{part}.{name}", value, own.get(name, "default"))


def _same(name: str, asked: Any, own: Any) -> bool:
    if name == "backbone" and split_backbone_name(asked)[1] is None:
        return bool(asked == split_backbone_name(own)[0])
    return bool(asked == own)


def says(text: object, value: object) -> bool:
    """Whether an option, as given, equals another value, such as a model's: 2 is 2.0."""
    try:
        return float(str(text)) == float(str(value))
    except ValueError:
        return _as_text(text) == _as_text(value)


def _refuse(model: ModelFile, name: str, asked: object, own: object) -> None:
    header = model.header
    shown = _as_text(asked)
    option = f"--set {name}={shown}" if "." in name else f"--{name.replace('_', '-')} {shown}"
    style = f" --style {header.styles[0].name}" if header.styles else " --styles PAINTINGS"
    raise UsageError(
        f"model {model.name} was trained with {name} {_as_text(own)}, not {shown}: leave the "
        f"option out, or train such a model: stylize train {header.method} {option}"
        f"{style} --data PHOTOGRAPHS -o MODEL.safetensors"
    )


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        text = ",".join(f"{key}={number:g}" for key, number in value.items())
    elif isinstance(value, list | tuple):
        text = ",".join(map(str, value))
    else:
        text = "none" if value is None else str(value)
    return shlex.quote(text)


def _trainable(host: PluginHost) -> str:
    names = [spec.name for spec in host.specs(MethodSpec) if spec.trainable]
    return ", ".join(names) or "none is installed"
