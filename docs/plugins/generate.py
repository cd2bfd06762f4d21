"""Writes reference.md and settings.md from signatures, docstrings and settings schemas.

    python docs/plugins/generate.py

The pages are never edited by hand: a test compares them with what this makes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _pytest.fixtures import FixtureFunctionDefinition

import stylize
from stylize import hookspecs, plan, protocols, run, spec, testing, weights
from stylize.cli import run as run_command
from stylize.plan import RunSettings
from stylize.settings import Settings
from stylize.testing import fixtures

HERE = Path(__file__).parent
BUILT_IN = "stylize-nst"
NOTE = "<!-- Made by docs/plugins/generate.py: do not edit. -->"
IMPORTS = (
    "Everything here is of plugin API 1. Names without a module before them are imported from "
    "`stylize`."
)
HOOKS = (
    "Functions of the plugin module, marked with `stylize.hookimpl`. A plugin may leave out any, "
    "and an implementation any argument."
)
FIXTURES = "The functions are of `stylize.testing`; pytest has the fixtures wherever stylize is."
SETTINGS = (
    "What `--set PART.NAME=VALUE` takes, in presets `[settings.options.PART]`, and in Python "
    '`options={"PART": {"NAME": value}}`. Those of a run are options themselves.'
)

SPECS = (
    spec.SmoothingSpec,
    spec.BackboneSpec,
    spec.WeightsSpec,
    spec.LossSpec,
    spec.MethodSpec,
    spec.PresetSpec,
    spec.Role,
)
PASSED = (
    protocols.LayerInfo,
    protocols.Statistics,
    protocols.StyleImage,
    weights.Weights,
    plan.Plan,
    plan.Problem,
    run.Run,
    run.Clip,
    run.Progress,
    Settings,
)
CONTRACTS = (
    testing.PluginContract,
    testing.SmoothingContract,
    testing.BackboneContract,
    testing.LossContract,
    testing.MethodContract,
)


def reference() -> str:
    """Return the page of hooks, protocols, declarations and contracts."""
    lines = ["# Reference", "", NOTE, "", IMPORTS, "", "## Hooks", "", HOOKS, ""]
    for hook in hooks():
        lines += _function(hook, level=3, headings=True)
    lines += ["## Protocols", "", "Structural: no base class is needed.", ""]
    for protocol in _protocols():
        lines += _class(protocol)
    lines += ["## Declarations", "", "Plain data, without torch.", ""]
    for declaration in (spec.ComponentSpec, *SPECS):
        lines += _class(declaration)
    lines += ["## What plugins are given", ""]
    for passed in PASSED:
        lines += _class(passed)
    lines += ["## Contracts", "", "Of `stylize.testing`; each promise is a test.", ""]
    for contract in CONTRACTS:
        lines += [f"### `stylize.testing.{contract.__name__}`", "", *_docstring(contract), ""]
        lines += [f"- {promise}" for promise in _promises(contract)] + [""]
    lines += ["## Functions and fixtures for tests", "", FIXTURES, ""]
    for function in (testing.temporary_plugin, testing.assert_composes):
        lines += _function(function, level=3)
    for name, function in vars(fixtures).items():
        if isinstance(function, FixtureFunctionDefinition):
            lines += [f"### `{name}`", "", *_docstring(function), ""]
    return _joined(lines)


def settings() -> str:
    """Return the page of settings: of a run, and of all built-in parts."""
    lines = ["# Settings", "", NOTE, "", SETTINGS, ""]
    lines += [
        "## Of a run",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in RunSettings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        lines.append(f"| `{name}` | {_default(default)} | {_cell(field.description or '')} |")
    parts = _parts()
    for kind, records in parts.items():
        for record in records:
            if record["distribution"] != BUILT_IN or not record["settings"]:
                continue
            lines += ["", f"## {kind} `{record['name']}`", "", record["summary"] + ".", ""]
            lines += ["| setting | default | allowed | meaning |", "|---|---|---|---|"]
            lines += [
                f"| `{name}` | {_default(field['default'])} | {_cell(field['allowed'])} "
                f"| {_cell(field['description'])} |"
                for name, field in record["settings"].items()
            ]
    return _joined(lines)


def hooks() -> list[Callable[..., Any]]:
    """Return the specifications of all hooks, in the order of their definition."""
    return [
        function
        for name, function in vars(hookspecs).items()
        if name.startswith("stylize_") and inspect.isfunction(function)
    ]


def arguments_of(function: Callable[..., Any]) -> dict[str, str]:
    """Return the description of each argument, from the docstring.

    Raises: ValueError for one that the docstring does not describe.
    """
    described = _described(inspect.getdoc(function) or "")
    names = list(inspect.signature(function).parameters)
    if missing := [name for name in names if name not in described]:
        raise ValueError(f"{function.__name__}: describe {', '.join(missing)} under Args")
    return {name: described[name] for name in names}


def _protocols() -> list[type]:
    found = [getattr(protocols, name) for name in protocols.__all__]
    return [p for p in found if getattr(p, "_is_protocol", False)] + [weights.WeightsSource]


def _class(subject: type) -> list[str]:
    """Return the heading, signature, docstring and public methods of a class."""
    lines = [f"### `{_import_name(subject)}`", ""]
    if dataclasses.is_dataclass(subject):
        lines += _signature(subject)
    lines += [*_docstring(subject), ""]
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
    """Return a function's heading, signature and docstring; `headings`: one an argument too."""
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
    """Return how a dataclass is made, a field a line."""
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
    """Return a docstring as Markdown: what is under "Args:" and the like becomes a list."""
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
    """Yield names and descriptions of an indented block "name, name: text"; text may go on."""
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


def _parts() -> dict[str, list[dict[str, Any]]]:
    """Return what `stylize plugins list --json` says of parts, by kind."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = run_command(["plugins", "list", "--json"])
    if code:
        raise RuntimeError(f"stylize plugins list --json ended with {code}")
    parts: dict[str, list[dict[str, Any]]] = json.loads(printed.getvalue())["parts"]
    return parts


def _default(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return f"`{','.join(map(str, value))}`"
    return "" if value == {} else f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _joined(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


PAGES = {"reference.md": reference, "settings.md": settings}


def main() -> int:
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
