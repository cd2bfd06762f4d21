"""The page for plugin authors: hooks, protocols, declarations, contracts, from their docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from _pytest.fixtures import FixtureFunctionDefinition
from pydantic import BaseModel

import stylize
from _reference.markdown import page
from stylize import testing
from stylize.contract import hookspecs
from stylize.testing import fixtures

__all__ = ["arguments_of", "hooks", "plugin_api"]

IMPORTS = (
    "Every hook, protocol, declaration and contract of plugin API 1. Import names without a module "
    "from `stylize`."
)
HOOKS = (
    "Functions of the plugin module, marked with `stylize.hookimpl`. A plugin may leave out any "
    "hook, and an implementation may leave out any argument."
)
FIXTURES = (
    "Import the functions from `stylize.testing`. pytest finds the fixtures if stylize is "
    "installed."
)

PROTOCOLS = (
    stylize.Backbone,
    stylize.Smoothing,
    stylize.Loss,
    stylize.Method,
    stylize.TrainableMethod,
    stylize.TrainingTask,
    stylize.ExportableMethod,
    stylize.Observer,
    stylize.WeightsSource,
)
DECLARATIONS = (
    stylize.ComponentSpec,
    stylize.SmoothingSpec,
    stylize.BackboneSpec,
    stylize.WeightsSpec,
    stylize.LossSpec,
    stylize.MethodSpec,
    stylize.PresetSpec,
    stylize.ModelSpec,
    stylize.Kind,
    stylize.Role,
    stylize.Settings,
    stylize.CommandOption,
)
PASSED = (
    stylize.Parts,
    stylize.Features,
    stylize.LossPart,
    stylize.Objective,
    stylize.LayerInfo,
    stylize.Statistics,
    stylize.StyleImage,
    stylize.Weights,
    stylize.Plan,
    stylize.Problem,
    stylize.LossPlan,
    stylize.Run,
    stylize.Clip,
    stylize.Progress,
    stylize.ModelFile,
    stylize.ModelHeader,
    stylize.StyleRecord,
    stylize.Picture,
    stylize.Tile,
    stylize.Term,
    stylize.Schedule,
    stylize.Stage,
    stylize.DescentSettings,
    stylize.Axis,
    stylize.ExportModule,
)
# Functions of `stylize` for making parts.
HELPERS = (
    stylize.descend,
    stylize.plan_stages,
    stylize.shrink,
    stylize.enlarge,
    stylize.color_noise,
    stylize.blend_statistics,
    stylize.relative_reference,
    stylize.nearest,
    stylize.read_image,
    stylize.write_image,
    stylize.write_picture,
    stylize.to_pil,
    stylize.resize,
    stylize.to_bytes,
    stylize.cut_tiles,
    stylize.read_tile,
    stylize.put_tile,
    stylize.empty_picture,
    stylize.make_in_tiles,
    stylize.find_model,
    stylize.create_backbone,
    stylize.create_smoothing,
    stylize.create_loss,
    stylize.create_method,
)
CONTRACTS = (
    testing.PluginContract,
    testing.SmoothingContract,
    testing.BackboneContract,
    testing.LossContract,
    testing.MethodContract,
    testing.TrainableContract,
    testing.CommandContract,
)


def plugin_api() -> str:
    """Return the page of hooks, protocols, declarations and contracts."""
    lines = ["## Hooks", "", HOOKS, ""]
    for hook in hooks():
        lines += _function(hook, level=3, headings=True)
    lines += ["## Protocols", "", "Protocols are structural: you need no base class.", ""]
    for protocol in PROTOCOLS:
        lines += _class(protocol)
    lines += ["## Declarations", "", "Declarations are plain data, without torch.", ""]
    for declaration in DECLARATIONS:
        lines += _class(declaration)
    lines += ["## Passed to plugins", ""]
    for passed in PASSED:
        lines += _class(passed)
    lines += ["## Functions", "", "Functions of `stylize` for parts that work with pictures.", ""]
    for function in HELPERS:
        lines += _function(function, level=3)
    lines += [
        "## Contracts",
        "",
        "Import contracts from `stylize.testing`. Each promise is a test.",
        "",
    ]
    for contract in CONTRACTS:
        lines += [f"### `stylize.testing.{contract.__name__}`", "", *_docstring(contract), ""]
        lines += [f"- {promise}" for promise in _promises(contract)] + [""]
    lines += ["## Functions and fixtures for tests", "", FIXTURES, ""]
    for function in (testing.temporary_plugin, testing.assert_composes):
        lines += _function(function, level=3)
    for name, function in vars(fixtures).items():
        if isinstance(function, FixtureFunctionDefinition):
            lines += [f"### `{name}`", "", *_docstring(function), ""]
    return page("The plugin interface", IMPORTS, lines)


def hooks() -> list[Callable[..., Any]]:
    """Return the specifications of all hooks, in the order of their definition."""
    return [
        function
        for name, function in vars(hookspecs).items()
        if name.startswith("stylize_") and inspect.isfunction(function)
    ]


def arguments_of(function: Callable[..., Any]) -> dict[str, str]:
    """Return the description of each argument, from the docstring.

    Raises: ValueError for an argument that the docstring does not describe.
    """
    described = _described(inspect.getdoc(function) or "")
    names = list(inspect.signature(function).parameters)
    if missing := [name for name in names if name not in described]:
        raise ValueError(f"{function.__name__}: describe {', '.join(missing)} under Args")
    return {name: described[name] for name in names}


def _class(subject: type) -> list[str]:
    """Return the heading, signature, docstring and public methods of a class."""
    lines = [f"### `{_import_name(subject)}`", ""]
    if dataclasses.is_dataclass(subject):
        lines += _signature(subject)
    lines += [*_docstring(subject), ""]
    if issubclass(subject, Enum):
        return [*lines, *(f"- `{subject.__name__}.{each.name}`" for each in subject), ""]
    if issubclass(subject, BaseModel) and subject.model_fields:
        fields = subject.model_fields.items()
        return [*lines, *(f"- `{name}`: {field.description}" for name, field in fields), ""]
    for attribute, value in vars(subject).items():
        if attribute.startswith("_") and attribute != "__call__":
            continue
        if isinstance(value, property) and value.fget is not None:
            lines += [f"#### `{attribute}`", "", *_docstring(value.fget), ""]
        elif inspect.isfunction(value):
            lines += _function(value, level=4)
    return lines


def _import_name(subject: type) -> str:
    public = subject.__name__ in stylize.__all__
    return subject.__name__ if public else f"{subject.__module__}.{subject.__name__}"


def _function(function: Callable[..., Any], level: int, *, headings: bool = False) -> list[str]:
    """Return a function's heading, signature and docstring; `headings`: also one per argument."""
    signature = inspect.signature(function)
    parameters = [p for name, p in signature.parameters.items() if name != "self"]
    mark = "#" * level
    lines = [f"{mark} `{function.__name__}`", "", "```python"]
    shown = str(signature.replace(parameters=parameters))
    # Annotations are text in modules that postpone them, which `str` quotes as it does defaults.
    lines += [function.__name__ + re.sub(r"(: |-> )'([^']*)'", r"\1\2", shown), "```", ""]
    text = inspect.getdoc(function) or ""
    if not headings:
        return [*lines, *_paragraphs(text), ""]
    lines += [*_paragraphs(re.sub(r"Args:\n(?:[ ]+.*\n?)+", "", text)), ""]
    for name, description in arguments_of(function).items():
        lines += [f"{mark}# `{name}`", "", _sentence(description), ""]
    return lines


def _signature(subject: type) -> list[str]:
    """Return a dataclass's constructor, one field per line."""
    fields = [field for field in dataclasses.fields(subject) if field.init]
    lines = ["```python", f"{subject.__name__}("]
    for field in fields:
        default = ""
        if field.default is not dataclasses.MISSING:
            default = f" = {field.default!r}"
        elif field.default_factory is not dataclasses.MISSING:
            default = f" = {field.default_factory()!r}"
        if " at 0x" in default:
            default = " = ..."
        lines.append(f"    {field.name}: {field.type}{default},")
    return [*lines, ")", "```", ""]


def _docstring(subject: Any) -> list[str]:
    return _paragraphs(inspect.getdoc(subject) or "")


def _paragraphs(text: str) -> list[str]:
    """Return a docstring as Markdown; sections such as "Args:" become lists."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        head, _, rest = paragraph.partition("\n")
        if head in ("Args:", "Attributes:"):
            lines += [f"- `{name}`: {says}" for name, says in _items(rest)]
        elif head.startswith("versionadded: "):
            lines.append(f"Since {head.removeprefix('versionadded: ')}.")
        else:
            lines.append(" ".join(line.strip() for line in paragraph.splitlines()))
        lines.append("")
    return lines[:-1]


def _described(text: str) -> dict[str, str]:
    found = re.search(r"Args:\n((?:[ ]+.*\n?)+)", text)
    return dict(_items(found[1])) if found else {}


def _items(block: str) -> Iterator[tuple[str, str]]:
    """Yield names and descriptions of an indented block "name, name: text"; text may wrap."""
    items: list[list[str]] = []
    for line in block.rstrip().splitlines():
        if re.match(r" {4}\S", line):
            items.append([line.strip()])
        elif items:
            items[-1].append(line.strip())
    for item in items:
        names, _, says = " ".join(item).partition(": ")
        for name in names.split(", "):
            yield name, says


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _promises(contract: type) -> Iterator[str]:
    """Yield the promises of a contract: its tests' names, in words."""
    for name in dir(contract):
        if name.startswith("test_"):
            yield name.removeprefix("test_").replace("_s_", "'s ").replace("_", " ")
