"""A plugin that fails in any way is one row; all others still work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Literal, cast

import pytest
import typer
from pydantic import Field, model_validator
from typer.main import get_group

from plugin_factory import make_distribution, pip_install, place_distribution
from stylize import (
    BackboneSpec,
    ComponentSpec,
    Kind,
    LossSpec,
    PluginHost,
    PluginInfo,
    PresetSpec,
    Problem,
    Settings,
    SmoothingSpec,
    WeightsSpec,
    hookimpl,
)
from stylize.command import add_command, add_plugin_commands
from stylize.disabling import DISABLE_VARIABLE
from stylize.discovery.host import STRICT_VARIABLE
from stylize.errors import ExtraMissingError, PluginError, SettingsError, UnknownNameError

ROOT = Path(__file__).parents[1]
CURVE = SmoothingSpec("curve", factory="acme:Curve", summary="A curve.")
GOOD = """
    STYLIZE_PLUGIN_API = 1

    @hookimpl
    def stylize_components():
        return [SmoothingSpec("{name}", factory="acme:Curve")]
"""
PLAN: Any = SimpleNamespace()


def plugin(api: object = 1, **hooks: object) -> SimpleNamespace:
    """Make a plugin from functions; any other value becomes a hook that returns it."""
    made = SimpleNamespace(STYLIZE_PLUGIN_API=api)
    for name, hook in hooks.items():
        setattr(made, f"stylize_{name}", hookimpl(hook if callable(hook) else _returning(hook)))
    return made


def _returning(value: object) -> Callable[[], object]:
    return lambda: value


def host_with(*components: ComponentSpec, strict: bool = False) -> PluginHost:
    host = PluginHost(strict=strict)
    host.register(plugin(components=components), "acme", "curves")
    return host


def boom(*_: object) -> Any:
    raise RuntimeError("boom")


class CurveSettings(Settings):
    """Settings with every shape of field."""

    gain: float = Field(1.0, gt=0, description="Slope.")
    steps: int = Field(1, description="Steps.")
    clip: bool = Field(False, description="Clip.")
    limit: float | None = Field(1.0, description="Limit.")
    mode: Literal["auto"] | tuple[str, ...] = Field("auto", description="Mode.")
    layers: tuple[str, ...] = Field((), description="Layers.")
    shares: Annotated[tuple[float, ...], Field(max_length=2)] | None = Field(
        None, description="Shares."
    )
    scales: list[float] = Field(default_factory=list, description="Scales.")
    weights: dict[str, float] = Field(default_factory=dict, description="Weights.")

    @model_validator(mode="after")
    def steps_fit_gain(self) -> CurveSettings:
        if self.steps > 100 and self.gain > 1:
            raise ValueError("more than 100 steps need a gain of at most 1")
        return self


TUNED = SmoothingSpec("tuned", factory="acme:Tuned", settings=f"{__name__}:CurveSettings")


def test_an_empty_host_discovers_nothing() -> None:
    host = PluginHost()
    assert (host.plugins, host.failures) == ((), ())
    assert all(host.specs(kind) == [] for kind in Kind)


def test_a_registered_plugin_adds_its_parts() -> None:
    host = host_with(CURVE)
    assert host.plugins == (PluginInfo("acme", entry="curves", specs=(CURVE,)),)
    assert host.specs(Kind.SMOOTHING) == [CURVE]
    assert host.get(Kind.SMOOTHING, "curve") is CURVE
    assert host.origin(CURVE) is host.plugins[0]


def test_a_module_may_be_a_plugin() -> None:
    host = PluginHost(strict=True)
    module = type(sys)("acme_module")
    vars(module).update(STYLIZE_PLUGIN_API=1, stylize_components=hookimpl(lambda: [CURVE]))
    assert host.register(module) == PluginInfo("local", entry="acme_module", specs=(CURVE,))


def test_hosts_know_nothing_of_each_other() -> None:
    host_with(CURVE)
    assert PluginHost().specs(Kind.SMOOTHING) == []


def _wrapping() -> Iterator[None]:
    return (yield)


WRAPPER = SimpleNamespace(STYLIZE_PLUGIN_API=1, stylize_check=hookimpl(wrapper=True)(_wrapping))
BACKBONE_TWICE = BackboneSpec("net", "acme:Net", weights=(WeightsSpec("a"), WeightsSpec("a")))
FAILURES = {
    "no API version": (SimpleNamespace(), "api", "STYLIZE_PLUGIN_API = 1"),
    "newer API": (plugin(api=2), "api", "is 2, this stylize has 1"),
    "no hook": (plugin(), "register", "no hook"),
    "unknown hook": (plugin(colours=boom), "register", "stylize_colours"),
    "unknown argument": (plugin(check=lambda picture: picture), "register", "picture"),
    "wrapper": (WRAPPER, "register", "stylize_check is a hook wrapper"),
    "raises": (plugin(components=boom), "components", "RuntimeError: boom"),
    "exits": (plugin(components=lambda: sys.exit(3)), "components", "sys.exit(3)"),
    "generator raises": (
        plugin(components=lambda: (boom() for _ in "x")),
        "components",
        "RuntimeError: boom",
    ),
    "None": (plugin(components=None), "components", "None, not an iterable"),
    "text": (plugin(components="curve"), "components", "'curve', not an iterable"),
    "no spec": (plugin(components=[CURVE, 7]), "components", "7, which is no BackboneSpec"),
    "no kind": (plugin(components=[ComponentSpec("curve", "acme:Curve")]), "components", "no Back"),
    "twice": (plugin(components=[CURVE, CURVE]), "components", "'curve' is declared twice"),
    "factory": (
        plugin(components=[CURVE, SmoothingSpec("other", "acme.Curve")]),
        "components",
        "factory 'acme.Curve' is not 'module:object'",
    ),
    "settings": (
        plugin(components=[SmoothingSpec("other", "acme:Curve", settings="7:x")]),
        "components",
        "settings '7:x' is not 'module:object'",
    ),
    "preset": (
        plugin(components=[PresetSpec("paper", "paper.toml")]),
        "components",
        "factory 'paper.toml' is not 'package:file'",
    ),
    "tags": (plugin(components=[BACKBONE_TWICE]), "components", "two weights with one tag"),
} | {
    f"name {name!r}": (
        plugin(components=[SmoothingSpec(name, "acme:Curve")]),
        "components",
        "lower_snake_case",
    )
    for name in (
        "",
        "Curve",
        "2d",
        "_curve",
        "curve_",
        "a-b",
        "a:b",
        "a.b",
        "a b",
        "é",
        cast("str", 7),
    )
}


@pytest.mark.parametrize(("broken", "stage", "says"), FAILURES.values(), ids=FAILURES)
def test_a_broken_plugin_is_one_failure_and_others_work(
    broken: SimpleNamespace, stage: str, says: str
) -> None:
    host = host_with(CURVE)
    info = host.register(broken, "bad.dist", "broken")
    assert info.status == "failed"
    assert info.specs == ()
    assert info is host.plugins[1]
    assert host.failures == (info.failure,)
    assert info.failure is not None
    assert info.failure.stage == stage
    assert says in info.failure.message
    assert str(info.failure).startswith(f"plugin bad-dist (broken) failed at {stage}: ")
    assert "\n" not in str(info.failure)
    assert host.specs(Kind.SMOOTHING) == [CURVE]
    # Nothing is left of the broken plugin: a good one can replace it, and is called.
    assert host.register(plugin(components=[]), "bad.dist", "broken").status == "ok"


@pytest.mark.parametrize(("broken", "stage", "says"), FAILURES.values(), ids=FAILURES)
def test_a_strict_host_raises(broken: SimpleNamespace, stage: str, says: str) -> None:
    with pytest.raises(PluginError, match=f"failed at {stage}: ") as raised:
        PluginHost(strict=True).register(broken)
    assert says in str(raised.value)
    assert raised.value.__cause__ is not None


def test_ctrl_c_in_a_plugin_passes() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PluginHost().register(plugin(components=interrupted))


def test_one_plugin_cannot_be_registered_twice() -> None:
    host = host_with(CURVE)
    same = plugin(components=[])
    assert host.register(same, "other").status == "ok"
    again = host.register(same, "third")
    taken = host.register(plugin(components=[], check=boom), "acme", "curves")
    assert [info.failure and info.failure.stage for info in (again, taken)] == ["register"] * 2
    assert host.get(Kind.SMOOTHING, "curve") is CURVE


# Names.


def collided() -> tuple[PluginHost, SmoothingSpec]:
    host = host_with(CURVE, SmoothingSpec("arc", "acme:Arc"))
    other = SmoothingSpec("curve", factory="zeta:Curve")
    host.register(plugin(components=[other]), "Zeta_Curves", "curves")
    return host, other


def test_a_name_of_two_distributions_fails_on_use_only_and_prints_both_forms() -> None:
    host, other = collided()
    assert host.failures == ()
    with pytest.raises(PluginError, match=r"acme:curve or zeta-curves:curve"):
        host.get(Kind.SMOOTHING, "curve")
    assert host.get(Kind.SMOOTHING, "acme:curve") is CURVE
    for distribution in ("zeta-curves", "Zeta_Curves", "zeta.curves"):
        assert host.get(Kind.SMOOTHING, f"{distribution}:curve") is other


def test_every_listed_name_can_be_used_and_is_the_parts_key() -> None:
    host, _ = collided()
    names = host.names(Kind.SMOOTHING)
    assert names == ["arc", "acme:curve", "zeta-curves:curve"]
    assert [host.key(host.get(Kind.SMOOTHING, name)) for name in names] == names


def test_names_take_shell_patterns() -> None:
    host, _ = collided()
    assert host.names(Kind.SMOOTHING, "cur*") == ["acme:curve", "zeta-curves:curve"]
    assert host.names(Kind.SMOOTHING, "acme:*") == ["acme:curve"]
    assert host.names(Kind.SMOOTHING, "x*") == []


def test_a_preset_is_a_file_of_a_package() -> None:
    preset = PresetSpec("paper", "acme:presets/paper.toml")
    assert host_with(preset, strict=True).get(Kind.PRESET, "paper") is preset


def test_one_name_serves_several_kinds() -> None:
    loss = LossSpec("curve", factory="acme:CurveLoss")
    host = host_with(CURVE, loss)
    assert host.get(Kind.LOSS, "curve") is loss
    assert host.get(Kind.SMOOTHING, "curve") is CURVE


def test_one_name_twice_in_a_distribution_fails_the_second_plugin() -> None:
    host = host_with(CURVE)
    info = host.register(plugin(components=[SmoothingSpec("curve", "acme:B")]), "Acme", "more")
    assert info.failure is not None
    assert "smoothing 'curve' is declared twice by acme" in info.failure.message
    assert host.get(Kind.SMOOTHING, "curve") is CURVE


@pytest.mark.parametrize("name", ["curv", "acme:curv", "other:curve", "local:", ":curve"])
def test_an_unknown_name_is_told_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown smoothing .*known: curve"):
        host_with(CURVE).get(Kind.SMOOTHING, name)


def test_a_part_of_another_host_has_no_origin() -> None:
    with pytest.raises(PluginError, match="'curve' is not registered"):
        PluginHost().origin(CURVE)


# The objects that specs refer to.


def test_objects_may_be_dotted() -> None:
    assert PluginHost().load_object("pathlib:Path.cwd") == Path.cwd


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("no_such_module:thing", "ModuleNotFoundError"),
        ("pathlib:NoSuchThing", "AttributeError"),
        ("pathlib", "module:object"),
        ("pathlib:", "module:object"),
        ("path lib:Path", "module:object"),
    ],
)
def test_a_reference_that_cannot_be_loaded_is_told(reference: str, says: str) -> None:
    with pytest.raises(PluginError, match=f"cannot load '{reference}'.*{says}") as raised:
        PluginHost().load_object(reference)
    assert raised.value.__cause__ is not None


def test_a_factory_that_cannot_be_loaded_names_its_part() -> None:
    host = host_with(SmoothingSpec("curve", factory="no_such_module:Curve"))
    with pytest.raises(PluginError, match="smoothing curve: cannot load 'no_such_module:Curve'"):
        host.load_object("no_such_module:Curve")


def test_a_missing_extra_passes_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "acme_extra.py").write_text(
        "from stylize.errors import ExtraMissingError\nraise ExtraMissingError('install it')"
    )
    with pytest.raises(ExtraMissingError, match="install it"):
        PluginHost().load_object("acme_extra:Curve")


def test_a_part_without_settings_takes_none() -> None:
    host = host_with(CURVE)
    assert host.settings_model(CURVE) is None
    assert host.make_settings(CURVE, {}) is None
    with pytest.raises(
        UnknownNameError, match=r"unknown setting of curve 'gain' \(there are none\)"
    ):
        host.make_settings(CURVE, {"gain": "1"})


def test_settings_must_be_a_settings_model() -> None:
    spec = SmoothingSpec("curve", "acme:Curve", settings="pathlib:Path")
    with pytest.raises(PluginError, match=r"'pathlib:Path' is no subclass of stylize.*of acme"):
        host_with(spec).make_settings(spec, {})


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("gain", "0.5", 0.5),
        ("gain", "1e-3", 1e-3),
        ("steps", "7", 7),
        ("clip", "yes", True),
        ("clip", "false", False),
        ("limit", "2", 2.0),
        ("limit", "none", None),
        ("mode", "auto", "auto"),
        ("mode", "a,b", ("a", "b")),
        ("layers", "layer3.*, layer4.*", ("layer3.*", "layer4.*")),
        ("layers", "conv1_1", ("conv1_1",)),
        ("layers", "", ()),
        ("scales", "1,0.5", [1.0, 0.5]),
        ("shares", "1,0.5", (1.0, 0.5)),
        ("weights", "conv1_1=5,conv2_1=1", {"conv1_1": 5.0, "conv2_1": 1.0}),
        ("layers", ["conv1_1"], ("conv1_1",)),
        ("weights", {"conv1_1": 5}, {"conv1_1": 5.0}),
    ],
)
def test_settings_are_read_from_text_and_values(field: str, text: object, value: object) -> None:
    settings = host_with(TUNED).make_settings(TUNED, {field: text})
    assert isinstance(settings, CurveSettings)
    assert getattr(settings, field) == value


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"gain": "-1"}, r"^tuned\.gain is '-1': .*greater than 0"),
        ({"gain": 0}, r"gain is 0: .*greater than 0"),
        ({"gain": "much"}, r"gain is 'much': .*valid number"),
        ({"gain": "none"}, r"gain is 'none': .*valid number"),
        ({"steps": "1.5"}, r"steps is '1.5': .*valid integer"),
        ({"scales": "1,x"}, r"scales is '1,x': .*valid number"),
        ({"weights": "conv1_1"}, r"weights is 'conv1_1': .*"),
        ({"gain": 2, "steps": 101}, r"tuned: more than 100 steps need a gain of at most 1$"),
        ({"gain": 0, "clip": "x"}, r"tuned.gain is 0.*; tuned.clip is 'x'"),
    ],
)
def test_a_bad_setting_is_told_in_one_line(values: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as raised:
        host_with(TUNED).make_settings(TUNED, values)
    assert "\n" not in str(raised.value)


def test_an_unknown_setting_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"setting of tuned 'gian'; did you mean gain\?"):
        host_with(TUNED).make_settings(TUNED, {"gian": 1})


# Hooks.


def test_a_hook_that_raises_stops_no_other_and_is_one_failure() -> None:
    host = host_with(CURVE)
    problem = Problem("too large")
    host.register(plugin(check=lambda: [problem]), "first")
    host.register(plugin(check=boom, components=[TUNED]), "second")
    host.register(plugin(check=lambda: iter([problem])), "third")
    assert host.check(PLAN) == [problem, problem]
    assert host.check(PLAN) == [problem, problem]
    assert [(f.distribution, f.stage) for f in host.failures] == [("second", "check")]
    failed = host.plugins[2]
    assert (failed.status, failed.failure) == ("failed", host.failures[0])
    assert host.get(Kind.SMOOTHING, "tuned") is TUNED


@pytest.mark.parametrize("answer", [None, "text", [7], [Problem("fine"), None], {"a": 1}])
def test_a_check_that_returns_rubbish_is_a_failure(answer: object) -> None:
    host = PluginHost()
    host.register(plugin(check=lambda: answer))
    assert host.check(PLAN) == []
    assert [f.stage for f in host.failures] == ["check"]


def test_observers_of_all_plugins_are_collected() -> None:
    observer = SimpleNamespace(progressed=print)
    host = PluginHost()
    host.register(plugin(observers=lambda: [observer]), "first")
    host.register(plugin(observers=lambda: [object()]), "second")
    assert host.observers(PLAN) == [observer]
    assert [(f.distribution, f.stage) for f in host.failures] == [("second", "observers")]


def test_the_first_weights_source_wins_in_the_order_that_plugins_ask_for() -> None:
    asked = []

    def source(name: str, answer: object, **order: Any) -> SimpleNamespace:
        def stylize_weights(backbone: str, tag: str) -> object:
            asked.append((name, backbone, tag))
            return boom() if answer is boom else answer

        hook = hookimpl(**order)(stylize_weights)
        return SimpleNamespace(STYLIZE_PLUGIN_API=1, stylize_weights=hook)

    found = SimpleNamespace(load=boom)
    host = PluginHost()
    host.register(source("last", SimpleNamespace(load=print), trylast=True), "last")
    host.register(source("first", None, tryfirst=True), "first")
    host.register(source("finds", found), "finds")
    host.register(source("broken", boom), "broken")
    host.register(source("rubbish", 7), "rubbish")
    assert host.weights_source("vgg16", "mine") is found
    assert [name for name, *_ in asked] == ["first", "rubbish", "broken", "finds"]
    assert asked[0][1:] == ("vgg16", "mine")
    assert [f.stage for f in host.failures] == ["weights", "weights"]


def test_nobody_may_know_the_weights() -> None:
    assert PluginHost().weights_source("vgg16", "mine") is None


@pytest.mark.parametrize("stage", ["weights", "check", "observers", "commands"])
def test_a_strict_host_raises_from_hooks(stage: str) -> None:
    host = PluginHost(strict=True)
    host.register(plugin(**{stage: boom}))
    calls: dict[str, Callable[[], object]] = {
        "weights": lambda: host.weights_source("vgg16", "mine"),
        "check": lambda: host.check(PLAN),
        "observers": lambda: host.observers(PLAN),
        "commands": lambda: add_plugin_commands(host, typer.Typer()),
    }
    with pytest.raises(PluginError, match=f"failed at {stage}: RuntimeError: boom"):
        calls[stage]()


def commands_after(*hooks: Callable[[typer.Typer], object]) -> tuple[set[str], PluginHost]:
    app = typer.Typer()
    app.command("train")(lambda: None)
    host = PluginHost()
    for number, hook in enumerate(hooks):
        host.register(plugin(commands=hook), f"plugin{number}")
    add_plugin_commands(host, app)
    return set(get_group(app).commands), host


def adding_a_default(name: str) -> Callable[[typer.Typer], object]:
    return lambda app: add_command(app, name, "acme:run", "Run.", default=True)


def test_there_is_one_default_command() -> None:
    names, host = commands_after(adding_a_default("second"), adding_a_default("first"))
    assert names == {"train", "first"}
    assert "'first' is the default command already: add 'second'" in str(host.failures[0])


def adding(name: str, function: Callable[..., None] = lambda: None) -> Callable[..., None]:
    def stylize_commands(app: typer.Typer) -> None:
        app.command(name)(function)

    return stylize_commands


def adding_a_group(app: typer.Typer) -> None:
    group = typer.Typer()
    group.command("play")(lambda: None)
    app.add_typer(group, name="video")


def adding_and_failing(app: typer.Typer) -> None:
    app.command("half")(lambda: None)
    boom()


def adding_two_of_one_name(app: typer.Typer) -> None:
    app.command("half")(lambda: None)
    app.command("half")(lambda: None)


def with_unknown_type(point: object) -> None:
    """A plugin may import a type only for type checkers: building the command then raises."""


with_unknown_type.__annotations__["point"] = "NoSuchType"


def test_plugins_add_commands_and_groups() -> None:
    names, host = commands_after(adding("web"), adding_a_group)
    assert names == {"train", "web", "video"}
    assert host.failures == ()


@pytest.mark.parametrize(
    "broken",
    [
        boom,
        adding_and_failing,
        adding_two_of_one_name,
        adding("half", with_unknown_type),
        adding("train"),
    ],
    ids=["raises", "adds and raises", "twice", "cannot be built", "exists"],
)
def test_a_plugin_whose_commands_fail_adds_none(broken: Callable[..., None]) -> None:
    names, host = commands_after(adding("web"), broken, adding_a_group)
    assert names == {"train", "web", "video"}
    assert [(f.distribution, f.stage) for f in host.failures] == [("plugin1", "commands")]


# Discovery, among distributions that look installed.


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, first on sys.path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delenv(STRICT_VARIABLE, raising=False)
    monkeypatch.delenv(DISABLE_VARIABLE, raising=False)
    return folder


def place_good(site: Path, name: str, part: str = "curve", **options: Any) -> Path:
    return place_distribution(site, name, GOOD.format(name=part), **options)


def rows(host: PluginHost, prefix: str = "acme") -> dict[str, PluginInfo]:
    return {i.distribution: i for i in host.plugins if i.distribution.startswith(prefix)}


def test_an_installed_plugin_is_found(site: Path) -> None:
    place_good(site, "Acme-Found", version="2.1")
    info = rows(PluginHost.discover())["acme-found"]
    assert (info.version, info.entry, info.value) == ("2.1", "Acme_Found", "Acme_Found")
    assert [spec.name for spec in info.specs] == ["curve"]


def test_a_plugin_may_be_an_object_in_a_module(site: Path) -> None:
    source = """
        from types import SimpleNamespace
        STYLIZE_PLUGIN_API = 1
        class Holder:
            plugin = SimpleNamespace(stylize_check=hookimpl(lambda plan: []))
    """
    place_distribution(site, "acme-object", source, entry="acme_object:Holder.plugin")
    info = rows(PluginHost.discover(strict=True))["acme-object"]
    assert (info.status, info.value) == ("ok", "acme_object:Holder.plugin")


def test_plugins_are_in_the_order_of_their_names(site: Path) -> None:
    for name in ("acme-c", "acme-a", "acme-b"):
        place_good(site, name)
    assert list(rows(PluginHost.discover())) == ["acme-a", "acme-b", "acme-c"]


@pytest.mark.parametrize("same_plugins", [True, False])
def test_the_first_of_two_installations_counts(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same_plugins: bool
) -> None:
    place_good(site, "acme-double", "old", version="1.0")
    newer = tmp_path / "newer"
    info = place_good(newer, "acme-double", "new", version="2.0")
    if not same_plugins:
        (info / "entry_points.txt").write_text("[console_scripts]\nacme = acme_double:main\n")
    monkeypatch.syspath_prepend(newer)
    found = [i for i in PluginHost.discover().plugins if i.distribution == "acme-double"]
    assert [i.version for i in found] == (["2.0"] if same_plugins else [])


BROKEN_METADATA = {
    "METADATA gone": lambda info: (info / "METADATA").unlink(),
    "METADATA empty": lambda info: (info / "METADATA").write_text(""),
    "METADATA without name": lambda info: (info / "METADATA").write_text("Version: 1\n"),
    "METADATA binary": lambda info: (info / "METADATA").write_bytes(b"\xff\xfe\x00"),
    "entry points binary": lambda info: (info / "entry_points.txt").write_bytes(b"[stylize]\xff"),
    "entry points garbled": lambda info: (info / "entry_points.txt").write_text("[stylize]\n???"),
}


@pytest.mark.parametrize("spoil", BROKEN_METADATA.values(), ids=BROKEN_METADATA)
def test_broken_metadata_is_a_failure(site: Path, spoil: Callable[[Path], object]) -> None:
    place_good(site, "acme-whole")
    spoil(place_good(site, "acme-spoilt"))
    host = PluginHost.discover()
    failures = [f for f in host.failures if "acme" in f.distribution]
    assert [(f.distribution, f.stage) for f in failures] == [
        ("acme_spoilt-1.0.dist-info", "metadata")
    ]
    assert rows(host)["acme-whole"].status == "ok"


@pytest.mark.parametrize(
    ("options", "stage", "says"),
    [
        ({"source": "raise RuntimeError('a\\nb')"}, "import", "RuntimeError: a b"),
        ({"source": "import no_such_module"}, "import", "ModuleNotFoundError"),
        ({"source": "def ("}, "import", "SyntaxError"),
        ({"source": "import sys; sys.exit(0)"}, "import", "sys.exit(0)"),
        ({"source": "", "entry": "no_such_module"}, "import", "ModuleNotFoundError"),
        ({"source": "", "entry": "acme_broken:thing"}, "import", "AttributeError"),
        ({"source": "", "entry": "acme broken"}, "metadata", "Couldn't parse"),
        ({"source": ""}, "api", "STYLIZE_PLUGIN_API"),
    ],
)
def test_an_installed_plugin_that_fails_is_a_row(
    site: Path, options: dict[str, Any], stage: str, says: str
) -> None:
    sys.modules.pop("acme_broken", None)
    place_good(site, "acme-whole")
    place_distribution(site, "acme-broken", **options)
    host = PluginHost.discover()
    failure = rows(host)["acme-broken"].failure
    assert failure is not None
    assert failure.stage == stage
    assert says in failure.message
    assert rows(host)["acme-whole"].status == "ok"
    with pytest.raises(PluginError, match=f"plugin acme-broken 1.0 .*failed at {stage}"):
        PluginHost.discover(strict=True)


def test_the_environment_makes_discovery_strict(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_distribution(site, "acme-strict", "raise RuntimeError('boom')")
    assert rows(PluginHost.discover())["acme-strict"].status == "failed"
    monkeypatch.setenv("STYLIZE_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match="acme-strict"):
        PluginHost.discover()
    assert rows(PluginHost.discover(strict=False))["acme-strict"].status == "failed"


@pytest.mark.parametrize(
    "named", ["acme-blocked", "Acme.Blocked", "acme_blocked", "other, acme-blocked:acme_blocked"]
)
def test_a_disabled_plugin_is_listed_and_never_imported(
    site: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    place_distribution(site, "acme-blocked", "raise RuntimeError('boom')")
    place_good(site, "acme-kept")
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", named)
    found = rows(PluginHost.discover())
    assert (found["acme-blocked"].status, found["acme-kept"].status) == ("disabled", "ok")


def test_what_plugins_print_while_loading_goes_to_stderr_under_their_names(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place_good(site, "acme-loud", files={"unused.py": ""})
    module = site / "acme_loud.py"
    module.write_text("print('hello')\n" + module.read_text())
    assert rows(PluginHost.discover())["acme-loud"].status == "ok"
    assert capsys.readouterr() == ("", "acme-loud: hello\n")


# Discovery, in a separate process.

REPORT = """
import json, sys
from stylize.errors import PluginError, UnknownNameError
from stylize import PluginHost
from stylize import Kind
host = PluginHost.discover()
try:
    host.get(Kind.SMOOTHING, "same")
    collision = ""
except (PluginError, UnknownNameError) as error:
    collision = str(error)
json.dump({
    "rows": {i.distribution: [i.status, i.failure and i.failure.stage] for i in host.plugins},
    "smoothings": host.names(Kind.SMOOTHING),
    "collision": collision,
    "torch": "torch" in sys.modules,
}, sys.stdout)
"""


def run_python(code: str, *path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    folders = [*path, ROOT / "core", ROOT / "plugins"]
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_discovery_does_not_import_torch(tmp_path: Path) -> None:
    place_good(tmp_path, "acme-light")
    done = run_python(REPORT, tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["torch"] is False


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed a good plugin and every broken one."""
    projects, target = tmp_path_factory.mktemp("projects"), tmp_path_factory.mktemp("target")
    sources = {
        "acme-good": GOOD.format(name="good"),
        "acme-raises": "print('hi')\nraise RuntimeError('boom')",
        "acme-exits": "import sys\nsys.exit(0)",
        "acme-future": "STYLIZE_PLUGIN_API = 2",
        "acme-rubbish": GOOD.format(name="Rubbish Name"),
        "acme-hooks": "STYLIZE_PLUGIN_API = 1\n@hookimpl\ndef stylize_colours(): ...",
        "acme-one": GOOD.format(name="same"),
        "acme-two": GOOD.format(name="same"),
        "acme-no-record": GOOD.format(name="no_record"),
        "acme-no-metadata": GOOD.format(name="no_metadata"),
    }
    made = [make_distribution(projects, name, source) for name, source in sources.items()]
    pip_install(target, *made)
    (target / "acme_no_record-1.0.dist-info" / "RECORD").write_bytes(b"\xff\x00 rubbish")
    (target / "acme_no_metadata-1.0.dist-info" / "METADATA").unlink()
    return target


@pytest.mark.install
def test_really_installed_broken_plugins_are_rows_and_good_ones_work(installed: Path) -> None:
    done = run_python(REPORT, installed)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # so it contains no plugin's output
    ours = {name: row for name, row in report["rows"].items() if name.startswith("acme")}
    assert ours == {
        "acme-good": ["ok", None],
        "acme-raises": ["failed", "import"],
        "acme-exits": ["failed", "import"],
        "acme-future": ["failed", "api"],
        "acme-rubbish": ["failed", "components"],
        "acme-hooks": ["failed", "register"],
        "acme-one": ["ok", None],
        "acme-two": ["ok", None],
        "acme-no-record": ["ok", None],
        "acme_no_metadata-1.0.dist-info": ["failed", "metadata"],
    }
    assert {"good", "no_record", "acme-one:same", "acme-two:same"} <= set(report["smoothings"])
    assert "acme-one:same or acme-two:same" in report["collision"]


@pytest.mark.install
def test_really_installed_broken_plugins_stop_a_strict_host(installed: Path) -> None:
    done = run_python(REPORT, installed, STYLIZE_STRICT_PLUGINS="1")
    assert done.returncode == 1
    assert "PluginError: plugin acme" in done.stderr
