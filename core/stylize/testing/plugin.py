"""The promises of every plugin as a whole."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from stylize.command.app import build_app
from stylize.contract.plan import RunSettings
from stylize.contract.spec import FILE_KINDS, BackboneSpec, Kind, LossSpec
from stylize.discovery.checking import API_ATTRIBUTE, PLUGIN_API
from stylize.files import package_file
from stylize.making.presets import load_preset
from stylize.planning.partoptions import declared_options, find_part_options
from stylize.testing.hookpromises import HookPromises
from stylize.testing.hosts import builtin_host
from stylize.testing.presetpromises import check_preset
from stylize.testing.worldstate import watch_world

__all__ = ["PluginContract"]


class PluginContract(HookPromises):
    """A plugin module as a whole: it loads quickly and quietly, and what it declares holds.

    Attributes:
        plugin: the module or its name, as in the entry point.
        import_seconds: how long its import may take.
    """

    def test_says_its_api_version(self) -> None:
        loaded = self.loaded
        module = sys.modules.get(self.module_name.partition(":")[0])
        version = getattr(loaded, API_ATTRIBUTE, getattr(module, API_ATTRIBUTE, None))
        self.require(
            version == PLUGIN_API,
            f"it does not say {API_ATTRIBUTE}"
            if version is None
            else f"{API_ATTRIBUTE} is {version!r}; this stylize has {PLUGIN_API}",
            f"write {API_ATTRIBUTE} = {PLUGIN_API} in the module",
        )

    def test_registers(self) -> None:
        host, info = self.registered
        del host
        failure = info.failure
        self.require(
            failure is None,
            f"it fails at {failure.stage}: {failure.message}" if failure else "",
            "fix what the message names",
        )

    def test_declares_without_importing_torch(self) -> None:
        probed = self.probed
        what = {
            "import": "importing it",
            "components": "stylize_components",
            "settings": "a module of settings",
            "commands": "stylize_commands",
            "check": "stylize_check",
        }
        for stage, module in probed.heavy.items():
            self.require(
                stage not in what,
                f"{what.get(stage)} imports {module}",
                f"import {module} in the factory's module, apart from the declarations, or in the "
                f"functions that call it; for annotations, import it under `if TYPE_CHECKING`",
            )
        self.require(
            probed.stage in ("import", "check") or probed.stage not in what,
            f"{what.get(probed.stage)} {probed.error}",
            "make it work; `stylize plugins list` calls it at every start",
        )

    def test_commands_load(self) -> None:
        probed = self.probed
        if not probed.commands:
            pytest.skip("has no commands")
        stages = [f"command {name}" for name in probed.commands]
        self.require(
            probed.stage not in stages,
            f"loading {probed.stage} {probed.error}",
            "name a function that typer takes, or a typer.Typer, as 'module:object'",
        )
        for stage, module in probed.heavy.items():
            self.require(
                stage not in stages,
                f"loading {stage} imports {module}",
                f"import {module} in the function that runs: --help and a wrong option must not "
                f"wait for it",
            )

    def test_names_are_its_alone(self) -> None:
        host, info = self.registered
        for spec in info.specs:
            others = {
                other.distribution
                for other in host.plugins
                for known in other.specs
                if (known.kind, known.name) == (spec.kind, spec.name) and known is not spec
            }
            self.require(
                not others,
                f"{spec.kind} {spec.name!r} is also a name of {', '.join(sorted(others))}",
                "choose a unique name: users would have to write DISTRIBUTION:NAME",
            )

    def test_parts_have_a_summary(self) -> None:
        for spec in self.specs:
            self.require(
                spec.summary.strip() and "\n" not in spec.summary.strip(),
                f"{spec.kind} {spec.name} has no summary of one line",
                "give its spec a summary: `stylize plugins list` shows it",
            )

    def test_settings_are_described(self) -> None:
        host, info = self.registered
        for spec in info.specs:
            if spec.kind is Kind.PRESET:
                continue
            with self.calls(f"loading the settings of {spec.kind} {spec.name}"):
                model = host.settings_model(spec)
            for name, field in model.model_fields.items() if model else ():
                self.require(
                    field.description,
                    f"setting {spec.name}.{name} has no description",
                    "write Field(..., description='...'): --help and the docs come from it",
                )

    def test_settings_have_defaults(self) -> None:
        host, info = self.registered
        for spec in info.specs:
            if spec.kind is not Kind.PRESET:
                with self.calls(f"making the default settings of {spec.kind} {spec.name}"):
                    host.make_settings(spec, {})

    def test_options_of_the_command_are_free_or_shared(self) -> None:
        host, info = self.registered
        declared = declared_options(host)
        found = [
            (option, declared[name])
            for name in declared
            for option in declared[name]
            if any(option.spec is spec for spec in info.specs)
        ]
        if not found:
            pytest.skip("has no options of the command")
        flags = _core_flags()
        for option, sharing in found:
            spec = option.spec
            said = f"option {option.flag} of {spec.kind} {spec.name}"
            only = f"only --set reaches {spec.name}.{option.setting}"
            free = f"choose another name, such as --{spec.name}-{option.setting}".replace("_", "-")
            self.require(option.flag not in flags, f"{said} is one of the command's: {only}", free)
            for other in sharing:
                self.require(
                    repr(other.field.annotation) == repr(option.field.annotation),
                    f"{said} has another type than that of {other.spec.kind} {other.spec.name}: "
                    f"{only}",
                    f"declare it as {other.field.annotation!r}, or {free}",
                )

    def test_factories_load(self) -> None:
        host, info = self.registered
        for spec in info.specs:
            if spec.kind in FILE_KINDS:
                continue
            loading = self.calls(f"loading the factory of {spec.kind} {spec.name}")
            with watch_world(ignored=("the environment",)) as changed, loading:
                factory = host.load_object(spec.factory)
            self.require(
                not changed,
                f"importing {spec.factory} changes {', '.join(changed)}",
                "do not change state of the whole process, or restore it",
            )
            self.require(
                callable(factory),
                f"factory {spec.factory} of {spec.kind} {spec.name} cannot be called",
                "name a class or a function that makes the part",
            )
            seeded = isinstance(spec, LossSpec) and spec.seeded
            needed = 2 if spec.kind is Kind.BACKBONE or seeded else 1
            self.require(
                _takes(factory, needed),
                f"factory {spec.factory} of {spec.kind} {spec.name} does not take {needed} "
                f"argument{'s' if needed > 1 else ''}",
                "let it take (settings), or (settings, weights) for a backbone, or (settings, "
                "seed) for a loss that is seeded",
            )

    def test_presets_load(self) -> None:
        host, info = self.registered
        presets = [spec for spec in info.specs if spec.kind is Kind.PRESET]
        if not presets:
            pytest.skip("has no presets")
        for spec in presets:
            with self.calls(f"loading preset {spec.name}"):
                preset = load_preset(host, host.key(spec))
            with self.calls(f"planning a run of preset {spec.name}"):
                check_preset(host, preset)

    def test_models_load(self) -> None:
        from stylize.models.finding import find_model

        host, info = self.registered
        models = [spec for spec in info.specs if spec.kind is Kind.MODEL]
        if not models:
            pytest.skip("has no models")
        for spec in models:
            with self.calls(f"loading model {spec.name}"):
                find_model(host, host.key(spec)).tensors()

    def test_embedded_weights_are_there(self) -> None:
        from stylize.building.weights import resolve_weights

        host, info = self.registered
        embedded = [
            (spec, weights)
            for spec in info.specs
            if isinstance(spec, BackboneSpec)
            for weights in spec.weights
            if weights.embedded
        ]
        if not embedded:
            pytest.skip("has no embedded weights")
        for spec, weights in embedded:
            self.require(
                package_file(str(weights.embedded)).is_file(),
                f"weights {spec.name}.{weights.tag} are not at {weights.embedded}",
                "include the file in the wheel",
            )
            with self.calls(f"reading weights {spec.name}.{weights.tag}"):
                resolve_weights(host, spec, weights.tag).load()

    def test_is_typed(self) -> None:
        module = sys.modules.get(self.module_name.partition(":")[0])
        file = Path(str(getattr(module, "__file__", "")))
        if file.name != "__init__.py":
            pytest.skip("is a single module, which cannot have a py.typed")
        self.require(
            (file.parent / "py.typed").is_file(),
            "its package has no py.typed",
            "put an empty file py.typed beside __init__.py, so that type checkers read it",
        )


def _core_flags() -> set[str]:
    """Return the options that the command has without any parts."""
    host = builtin_host()
    group: Any = get_command(build_app(host))
    usual = group.commands.default  # none without the plugin that declares it
    params = [*group.params, *(group.commands[usual].params if usual else ())]
    declared = {option.flag for several in find_part_options(host).values() for option in several}
    flags = {flag for param in params for flag in param.opts} - declared
    settings = {f"--{name.replace('_', '-')}" for name in RunSettings.model_fields}
    return {*flags, *settings, "--help"}


def _takes(factory: Any, count: int) -> bool:
    """Whether a factory accepts this number of positional arguments."""
    try:
        inspect.signature(factory).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a built-in may have no signature
        return True
    return True
