"""Plugins: found through entry points, each kept from harming the others, and their parts by name.

A plugin is one entry point of the group `stylize`. One that fails is a row with a reason, not a
traceback: `PluginHost` works on with the rest, unless it is strict.
"""

from __future__ import annotations

import contextlib
import os
import re
import reprlib
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pluggy
from entrypoints import EntryPoint
from pydantic import ValidationError

from stylize import hookspecs
from stylize.errors import PluginError, SettingsError, StylizeError, UnknownNameError
from stylize.plan import Problem
from stylize.protocols import Observer
from stylize.settings import Settings, parse_settings
from stylize.spec import (
    FILE_KINDS,
    BackboneSpec,
    ComponentSpec,
    Kind,
    LossSpec,
    MethodSpec,
    ModelSpec,
    PresetSpec,
    SmoothingSpec,
)

if TYPE_CHECKING:
    import typer

    from stylize.plan import Plan
    from stylize.weights import WeightsSource

__all__ = [
    "GROUP",
    "PLUGIN_API",
    "PluginFailure",
    "PluginHost",
    "PluginInfo",
    "Stage",
    "Status",
    "canonical_name",
    "disabled_names",
]

PLUGIN_API = 1
GROUP = "stylize"

Stage = Literal[
    "metadata",
    "import",
    "api",
    "register",
    "components",
    "check",
    "observers",
    "commands",
    "weights",
]
Status = Literal["ok", "failed", "disabled"]
Item = TypeVar("Item")

API_ATTRIBUTE = "STYLIZE_PLUGIN_API"
STRICT_VARIABLE = "STYLIZE_STRICT_PLUGINS"
DISABLE_VARIABLE = "STYLIZE_DISABLE_PLUGINS"
SPEC_TYPES = (BackboneSpec, SmoothingSpec, LossSpec, MethodSpec, ModelSpec, PresetSpec)
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
REFERENCES = {
    "module:object": re.compile(f"{DOTTED}:{DOTTED}"),
    "package:file": re.compile(f"{DOTTED}:.+"),
}
# What foreign code may raise. SystemExit is among it: a plugin must not end the program.
# KeyboardInterrupt is not: it comes from the user.
FOREIGN_ERRORS = (Exception, SystemExit)


@dataclass(frozen=True)
class PluginFailure:
    """Why a plugin does not work; `str()` is the one line to show.

    Args:
        distribution: normalised name, or the metadata folder where even that is unreadable.
        entry: name of the entry point, "" where the metadata cannot be read.
        stage: what the plugin failed at.
        message: one line.
        exception: the cause, for `--debug`.
    """

    distribution: str
    version: str
    entry: str
    stage: Stage
    message: str
    exception: BaseException | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        entry = f" ({self.entry})" if self.entry else ""
        plugin = f"{self.distribution} {self.version}".strip() + entry
        return f"plugin {plugin} failed at {self.stage}: {self.message}"


@dataclass(frozen=True)
class PluginInfo:
    """A row of `stylize plugins list`.

    Args:
        distribution: normalised name (PEP 503).
        entry: name of the entry point.
        value: the module, or "module:object", that it names.
        status: "failed" also where only a hook call failed; `specs` are then still usable.
        failure: the first one.
        specs: the parts that it adds.
    """

    distribution: str
    version: str = ""
    entry: str = ""
    value: str = ""
    status: Status = "ok"
    failure: PluginFailure | None = None
    specs: tuple[ComponentSpec, ...] = ()


class PluginHost:
    """The plugins in use and the parts that they add. `PluginHost()` is empty and finds nothing.

    Args:
        strict: raise PluginError at the first failure instead of keeping it.
        disabled: entry points or distributions that `discover` does not load.
    """

    def __init__(self, *, strict: bool = False, disabled: Collection[str] = ()) -> None:
        self.strict = strict
        self.disabled = frozenset(map(canonical_name, disabled))
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._plugins: list[PluginInfo] = []
        self._rows: dict[str, int] = {}  # pluggy's plugin name -> index in _plugins
        self._failures: dict[tuple[int, Stage], PluginFailure] = {}

    @classmethod
    def discover(
        cls,
        strict: bool | None = None,
        disabled: Collection[str] | None = None,
        loading: Callable[[PluginInfo], None] | None = None,
    ) -> PluginHost:
        """Return a host with all installed plugins, in the order of their names.

        Args:
            strict: default is whether STYLIZE_STRICT_PLUGINS=1.
            disabled: names of entry points, distributions or "distribution:entry"; default is
                the comma-separated STYLIZE_DISABLE_PLUGINS.
            loading: told of each plugin before it is loaded, as that may take long.

        Raises: PluginError, where strict.
        """
        if strict is None:
            strict = os.environ.get(STRICT_VARIABLE, "0") not in ("", "0")
        host = cls(strict=strict, disabled=disabled_names() if disabled is None else disabled)
        # What plugins print while they load must not end up in a picture or JSON on stdout.
        with contextlib.redirect_stdout(sys.stderr):
            for found in host._entry_points():
                if loading:
                    loading(found)
                host._load(found)
        return host

    def register(
        self, plugin: object, distribution: str = "local", name: str | None = None
    ) -> PluginInfo:
        """Add a plugin that is at hand (a module or any object with hooks) and return its row.

        As with installed plugins, a failure is in the row, and is raised only where strict.
        """
        entry = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        row = self._add_row(PluginInfo(canonical_name(distribution), entry=entry))
        try:
            _check_api(plugin)
        except FOREIGN_ERRORS as error:
            self._fail(row, "api", error)
        else:
            self._activate(row, plugin)
        return self._plugins[row]

    def unregister(self, plugin: PluginInfo) -> None:
        """Take out a plugin that `register` added, with its parts and failures.

        Raises: PluginError where the host has no such row.
        """
        name = f"{plugin.distribution}:{plugin.entry}"
        rows = [
            i for i, info in enumerate(self._plugins) if f"{info.distribution}:{info.entry}" == name
        ]
        if not rows:
            raise PluginError(f"{name} is not registered: nothing to take out")
        gone = rows[-1]  # a second one of a name has failed to register
        if self._rows.get(name) == gone:
            self._manager.unregister(name=name)
            del self._rows[name]
        del self._plugins[gone]
        self._rows = {name: row - (row > gone) for name, row in self._rows.items()}
        self._failures = {
            (row - (row > gone), stage): failure
            for (row, stage), failure in self._failures.items()
            if row != gone
        }

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """All plugins that were found: working, failed and disabled."""
        return tuple(self._plugins)

    @property
    def failures(self) -> tuple[PluginFailure, ...]:
        """What failed so far, oldest first; at most once a plugin and stage."""
        return tuple(self._failures.values())

    # Parts by name.

    def specs(self, kind: Kind) -> list[ComponentSpec]:
        """Return all parts of a kind, sorted by name."""
        return [spec for _, spec in self._parts(kind)]

    def names(self, kind: Kind, pattern: str | None = None) -> list[str]:
        """Return the names that `get` takes, sorted; only those that match a shell pattern.

        A short name that several distributions claim is listed as `distribution:name`.
        """
        keyed = [(spec.name, self.key(spec)) for spec in self.specs(kind)]
        if pattern is None:
            return [key for _, key in keyed]
        return [key for name, key in keyed if any(fnmatchcase(n, pattern) for n in (name, key))]

    def get(self, kind: Kind, name: str) -> ComponentSpec:
        """Return the part called `name` or `distribution:name`.

        Raises: UnknownNameError; PluginError for a short name of several distributions.
        """
        distribution, colon, short = name.rpartition(":")
        found = [(info, spec) for info, spec in self._parts(kind) if spec.name == short]
        if colon:
            found = [pair for pair in found if pair[0].distribution == canonical_name(distribution)]
        if not found:
            raise UnknownNameError(kind, name, self.names(kind))
        if len(found) > 1:
            forms = " or ".join(f"{info.distribution}:{spec.name}" for info, spec in found)
            raise PluginError(f"{kind} {name!r} is in several distributions: write {forms}")
        return found[0][1]

    def origin(self, spec: ComponentSpec) -> PluginInfo:
        """Return the plugin that added a part.

        Raises: PluginError for a part that is not of this host.
        """
        for info, known in self._parts(spec.kind):
            if known is spec:
                return info
        raise PluginError(f"{spec.kind} {spec.name!r} is not registered: register its plugin first")

    def key(self, spec: ComponentSpec) -> str:
        """Return the name to record for a part: the short one where it is its alone."""
        origin = self.origin(spec)
        claims = Counter(known.name for known in self.specs(spec.kind))
        return spec.name if claims[spec.name] == 1 else f"{origin.distribution}:{spec.name}"

    def _parts(self, kind: Kind) -> list[tuple[PluginInfo, ComponentSpec]]:
        parts = [(info, s) for info in self._plugins for s in info.specs if s.kind is kind]
        return sorted(parts, key=lambda part: (part[1].name, part[0].distribution))

    # What specs refer to.

    def load_object(self, reference: str) -> Any:
        """Import what a spec's "module:object" names; the object may be dotted.

        Raises: PluginError; a StylizeError of the module itself (a missing extra, say) passes.
        """
        try:
            if not REFERENCES["module:object"].fullmatch(reference):
                raise ValueError("it is not of the form 'module:object'")
            return EntryPoint.from_string(reference, reference).load()
        except StylizeError:
            raise
        except FOREIGN_ERRORS as error:
            users = [
                f"{spec.kind} {self.key(spec)}: "
                for info in self._plugins
                for spec in info.specs
                if reference in (spec.factory, spec.settings)
            ]
            raise PluginError(
                f"{''.join(users[:1])}cannot load {reference!r}: {_one_line(error)}"
            ) from error

    def settings_model(self, spec: ComponentSpec) -> type[Settings] | None:
        """Return the model of a part's settings, None where it has none.

        Raises: PluginError where it cannot be imported or is no Settings.
        """
        if spec.settings is None:
            return None
        model = self.load_object(spec.settings)
        if not (isinstance(model, type) and issubclass(model, Settings)):
            raise PluginError(
                f"settings of {spec.kind} {self.key(spec)}: {spec.settings!r} is no subclass of "
                f"stylize.settings.Settings: report it to the author of "
                f"{self.origin(spec).distribution}"
            )
        return model

    def make_settings(self, spec: ComponentSpec, values: Mapping[str, object]) -> Settings | None:
        """Return a part's validated settings, None where it has none.

        Args:
            values: by field; text is read as `--set` means it ("0.5", "yes", "a,b", "a=1,b=2").

        Raises: UnknownNameError for a field that does not exist; SettingsError for a bad value.
        """
        model = self.settings_model(spec)
        for name in values:
            if model is None or name not in model.model_fields:
                known = model.model_fields if model else ()
                raise UnknownNameError(f"setting of {self.key(spec)}", name, known)
        if model is None:
            return None
        try:
            return parse_settings(model, values)
        except ValidationError as error:
            problems = "; ".join(_settings_problem(e) for e in error.errors())
            raise SettingsError(f"settings of {spec.kind} {self.key(spec)}: {problems}") from error

    # Hooks, called for one plugin at a time: pluggy itself stops at the first that raises.

    def weights_source(self, backbone: str, tag: str) -> WeightsSource | None:
        """Return where the weights `backbone.tag` come from, None where no plugin says."""
        for hook in self._hooks("stylize_weights"):
            with self._isolated(hook, "weights"):
                source: WeightsSource | None = _call(hook, backbone=backbone, tag=tag)
                if source is None:
                    continue
                if not callable(getattr(source, "load", None)):
                    raise PluginError(
                        f"stylize_weights returned {_short(source)}: it has no load()"
                    )
                return source
        return None

    def check(self, plan: Plan) -> list[Problem]:
        """Return what plugins find wrong or doubtful with a plan."""
        problems: list[Problem] = []
        for hook in self._hooks("stylize_check"):
            with self._isolated(hook, "check"):
                problems += _listed(_call(hook, plan=plan), Problem)
        return problems

    def observers(self, plan: Plan) -> list[Observer]:
        """Return the observers of one run."""
        observers: list[Observer] = []
        for hook in self._hooks("stylize_observers"):
            with self._isolated(hook, "observers"):
                observers += _listed(_call(hook, plan=plan), Observer)
        return observers

    def add_commands(self, app: typer.Typer) -> None:
        """Let plugins add commands; all or none of a plugin's, and never one that exists."""
        taken = set(_commands(app, app.registered_commands, app.registered_groups))
        for hook in self._hooks("stylize_commands"):
            commands, groups = list(app.registered_commands), list(app.registered_groups)
            with self._isolated(hook, "commands"):
                try:
                    _call(hook, app=app)
                    added = _commands(
                        app,
                        app.registered_commands[len(commands) :],
                        app.registered_groups[len(groups) :],
                    )
                    if twice := sorted(taken.intersection(added)):
                        raise PluginError(f"command {twice[0]!r} exists: disable one of the two")
                except BaseException:
                    app.registered_commands, app.registered_groups = commands, groups
                    raise
                taken.update(added)

    def _hooks(self, name: str) -> Iterator[pluggy.HookImpl]:
        """Yield implementations in pluggy's order: tryfirst first, later registrations earlier."""
        yield from reversed(getattr(self._manager.hook, name).get_hookimpls())

    @contextlib.contextmanager
    def _isolated(self, hook: pluggy.HookImpl, stage: Stage) -> Iterator[None]:
        try:
            yield
        except FOREIGN_ERRORS as error:
            self._fail(self._rows[hook.plugin_name], stage, error)

    # From an installed distribution to an active plugin.

    def _entry_points(self) -> list[PluginInfo]:
        """Return the rows of all entry points of our group, sorted; unreadable ones fail here."""
        found: list[PluginInfo] = []
        seen: set[str] = set()
        for distribution in metadata.distributions():
            try:
                # Most distributions have nothing for us, and parsing them all is slow.
                text = distribution.read_text("entry_points.txt") or ""
                if GROUP not in text:
                    continue
                points = distribution.entry_points.select(group=GROUP)
                name = _distribution_name(distribution) if points else ""
                # The first on sys.path hides others (an editable install and an old wheel, say),
                # also where only the hidden one has plugins.
                if not points or name in seen or _entry_points_text(name) != text:
                    continue
                seen.add(name)
                version = distribution.version or ""
                found += [PluginInfo(name, version, p.name, p.value) for p in points]
            except FOREIGN_ERRORS as error:
                self._fail(self._add_row(PluginInfo(_folder_name(distribution))), "metadata", error)
        return sorted(found, key=lambda info: (info.distribution, info.entry))

    def _load(self, found: PluginInfo) -> None:
        row = self._add_row(found)
        names = (found.entry, found.distribution, f"{found.distribution}:{found.entry}")
        if self.disabled.intersection(map(canonical_name, names)):
            self._plugins[row] = replace(found, status="disabled")
            return
        stage: Stage = "metadata"
        try:
            entry = EntryPoint.from_string(found.value, found.entry)
            stage = "import"
            plugin = entry.load()
            stage = "api"
            _check_api(plugin, sys.modules[entry.module_name])
        except FOREIGN_ERRORS as error:
            self._fail(row, stage, error)
        else:
            self._activate(row, plugin)

    def _activate(self, row: int, plugin: object) -> None:
        """Register a plugin's hooks and parts: all of them, or none and a failure."""
        info = self._plugins[row]
        name = f"{info.distribution}:{info.entry}"
        stage: Stage = "register"
        if self._manager.has_plugin(name) or self._manager.is_registered(plugin):
            self._fail(row, stage, PluginError(f"{info.entry} is registered already"))
            return
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
            _check_hooks(self._manager.get_hookcallers(plugin), name)
            stage = "components"
            specs = self._components(info.distribution, name)
        except FOREIGN_ERRORS as error:
            self._manager.unregister(plugin, name)
            self._fail(row, stage, error)
        else:
            self._rows[name] = row
            self._plugins[row] = replace(info, specs=specs)

    def _components(self, distribution: str, plugin_name: str) -> tuple[ComponentSpec, ...]:
        specs: list[ComponentSpec] = []
        for hook in self._hooks("stylize_components"):
            if hook.plugin_name == plugin_name:
                specs += _listed(_call(hook), SPEC_TYPES)
        siblings = [s for i in self._plugins if i.distribution == distribution for s in i.specs]
        claims = Counter((spec.kind, spec.name) for spec in [*siblings, *specs])
        for spec in specs:
            _check_spec(spec)
            if claims[spec.kind, spec.name] > 1:
                raise PluginError(f"{spec.kind} {spec.name!r} is declared twice by {distribution}")
        return tuple(specs)

    def _add_row(self, info: PluginInfo) -> int:
        self._plugins.append(info)
        return len(self._plugins) - 1

    def _fail(self, row: int, stage: Stage, error: BaseException) -> None:
        info = self._plugins[row]
        failure = PluginFailure(
            info.distribution, info.version, info.entry, stage, _one_line(error), error
        )
        self._failures.setdefault((row, stage), failure)
        self._plugins[row] = replace(info, status="failed", failure=info.failure or failure)
        if self.strict:
            raise PluginError(str(failure)) from error


def disabled_names() -> list[str]:
    """Return what STYLIZE_DISABLE_PLUGINS lists."""
    listed = os.environ.get(DISABLE_VARIABLE, "").split(",")
    return [name.strip() for name in listed if name.strip()]


def canonical_name(name: str) -> str:
    """Normalise a distribution's name as PEP 503 does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution_name(distribution: metadata.Distribution) -> str:
    if not (distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")):
        raise PluginError("METADATA is missing or empty: install the distribution again")
    if "Name" not in distribution.metadata:
        raise PluginError("METADATA has no Name: install the distribution again")
    return canonical_name(distribution.metadata["Name"])


def _entry_points_text(name: str) -> str | None:
    """Return the entry points of the distribution that Python itself uses under a name."""
    return metadata.distribution(name).read_text("entry_points.txt")


def _folder_name(distribution: metadata.Distribution) -> str:
    """Return the folder of metadata that cannot be read: the only name that is left."""
    return str(getattr(getattr(distribution, "_path", None), "name", "unknown distribution"))


def _check_api(plugin: object, module: object = None) -> None:
    version = getattr(plugin, API_ATTRIBUTE, getattr(module, API_ATTRIBUTE, None))
    if version is None:
        raise PluginError(f"it does not say {API_ATTRIBUTE} = {PLUGIN_API}: add it to the module")
    if version != PLUGIN_API:
        raise PluginError(
            f"{API_ATTRIBUTE} is {_short(version)}, this stylize has {PLUGIN_API}: "
            f"install versions that fit each other"
        )


def _check_hooks(callers: Sequence[pluggy.HookCaller] | None, plugin_name: str) -> None:
    if not callers:
        raise PluginError("it implements no hook: mark its functions with stylize.hookimpl")
    for caller in callers:
        for hook in caller.get_hookimpls():
            if hook.plugin_name == plugin_name and (hook.wrapper or hook.hookwrapper):
                raise PluginError(f"{caller.name} is a hook wrapper, which stylize does not call")


def _check_spec(spec: ComponentSpec) -> None:
    """Raise PluginError unless a spec's names and references have the right form."""
    tags = [weights.tag for weights in spec.weights] if isinstance(spec, BackboneSpec) else []
    for name in (spec.name, *tags):
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            raise PluginError(
                f"{spec.kind} {_short(spec.name)}: {_short(name)} is not lower_snake_case "
                f"that starts with a letter"
            )
    if len(tags) > len(set(tags)):
        raise PluginError(f"{spec.kind} {spec.name!r} has two weights with one tag")
    form = "package:file" if spec.kind in FILE_KINDS else "module:object"
    _check_reference(spec, "factory", spec.factory, form)
    if spec.settings is not None:
        _check_reference(spec, "settings", spec.settings, "module:object")


def _check_reference(spec: ComponentSpec, what: str, reference: object, form: str) -> None:
    if not (isinstance(reference, str) and REFERENCES[form].fullmatch(reference)):
        raise PluginError(f"{spec.kind} {spec.name!r}: {what} {_short(reference)} is not {form!r}")


def _call(hook: pluggy.HookImpl, **arguments: object) -> Any:
    return hook.function(*(arguments[name] for name in hook.argnames))


def _listed(answer: object, wanted: type[Item] | tuple[type[Item], ...]) -> list[Item]:
    """Return a hook's answer as a list of what was wanted. Raises: PluginError."""
    names = " or ".join(t.__name__ for t in (wanted if isinstance(wanted, tuple) else (wanted,)))
    if not isinstance(answer, Iterable) or isinstance(answer, str | Mapping):
        raise PluginError(f"the hook returned {_short(answer)}, not an iterable of {names}")
    items = list(answer)
    for item in items:
        if not isinstance(item, wanted):
            raise PluginError(f"the hook returned {_short(item)}, which is no {names}")
    return items


def _commands(app: typer.Typer, commands: Sequence[Any], groups: Sequence[Any]) -> Collection[str]:
    """Return the names of commands, building them: one that cannot be built must fail here."""
    import typer
    from typer.main import get_group

    probe = typer.Typer(rich_markup_mode=app.rich_markup_mode)
    probe.registered_commands, probe.registered_groups = list(commands), list(groups)
    built = get_group(probe).commands
    if len(built) < len(commands) + len(groups):
        raise PluginError("two of its commands have one name, or a group has none")
    return built.keys()


def _settings_problem(error: Any) -> str:
    """Tell one of pydantic's errors: field, value, limit."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    given = "" if error["type"] == "missing" else f" = {_short(error['input'])}"
    return f"{error['loc'][0]}{given}: {message}"


def _short(value: object) -> str:
    return " ".join(reprlib.repr(value).split())


def _one_line(error: BaseException) -> str:
    """Tell an error in one line; our own need no class name."""
    text = textwrap.shorten(str(error), 400, placeholder=" ...")
    if isinstance(error, SystemExit):
        return f"it called sys.exit({text})"
    if isinstance(error, PluginError) and text:
        return text
    return f"{type(error).__name__}: {text}".rstrip(": ")
