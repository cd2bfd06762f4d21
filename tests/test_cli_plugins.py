"""`stylize plugins`, and the effect of a broken plugin on the command: a single warning."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command import FAST, Command
from plugin_factory import place_distribution
from stylize import (
    Kind,
    list_backbones,
    list_losses,
    list_methods,
    list_models,
    list_presets,
    list_smoothings,
)

PAIR = ("photo.png", "painting.png")
SMOOTHING = """
    STYLIZE_PLUGIN_API = 1

    @hookimpl
    def stylize_components():
        return [SmoothingSpec({name!r}, factory="{factory}", settings={settings!r})]
"""


@pytest.fixture
def site(command: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on sys.path to place distributions in."""
    folder = command.folder / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_list_names_every_part_with_its_origin(command):
    listed = command("plugins", "list").out
    everything = [
        *list_backbones(), *list_smoothings(), *list_losses(), *list_methods(), *list_models(),
        *list_presets(),
    ]  # fmt: skip
    lines = [line.split() for line in listed.splitlines() if "[stylize-nst]" in line]
    assert [line[0] for line in lines] == everything
    assert [line[:-1] for line in listed.splitlines() if line.endswith(":")] == [*Kind, "plugins"]
    assert "stylize-nst 0.1.0 (gatys): ok" in listed


def test_list_as_json_is_one_document_with_settings(command):
    record = json.loads(command("plugins", "list", "--json").out)
    assert set(record["parts"]) == set(Kind)
    (gatys,) = (part for part in record["parts"]["method"] if part["name"] == "gatys")
    assert gatys["settings"]["optimizer"]["allowed"] == "one of lbfgs, adam"
    assert {row["status"] for row in record["plugins"]} == {"ok"}


def test_show_prints_kind_origin_and_settings_from_the_schema(command):
    shown = command("plugins", "show", "gatys").out
    assert shown.startswith("method gatys: ")
    assert "from stylize-nst 0.1.0 (stylize_gatys.method:Gatys)" in shown
    assert "--set gatys.history=10  Steps that lbfgs remembers" in shown
    assert "a whole number at least 1\n" in shown
    assert "--set gatys.learning_rate=none" in shown
    assert "a number above 0, or none\n" in shown
    assert "a list A,B,... each a number above 0 and at most 1, or none\n" in shown
    shown = command("plugins", "show", "adain").out
    assert "a number at least 0 and at most 1, or none; also --alpha\n" in shown


@pytest.mark.parametrize(
    "name",
    [*list_backbones(), *list_smoothings(), *list_losses(), *list_methods(), *list_presets()],
)
def test_every_part_is_shown_and_its_defaults_can_be_set(command, host, name):
    outcome = command("plugins", "show", name)
    assert outcome.code == 0
    again = json.loads(command("plugins", "show", f"stylize-nst:{name}", "--json").out)
    for record in again:
        spec = host.get(Kind(record["kind"]), name)
        assert record["failure"] is None
        lines = [
            line.split()[1] for line in outcome.out.splitlines() if line.startswith("  --set ")
        ]
        given = dict(line.partition(".")[2].split("=") for line in lines)
        assert given.keys() == record["settings"].keys()
        if spec.kind is not Kind.PRESET:
            assert host.make_settings(spec, given) == host.make_settings(spec, {})


def test_show_tells_what_kinds_declare(command):
    assert "weights: oxford (embedded; CC-BY-4.0), imagenet1k_v1 (download" in (
        command("plugins", "show", "vgg16").out
    )
    assert "pointwise: yes" in command("plugins", "show", "tanh").out
    assert "role: image" in command("plugins", "show", "total_variation").out
    assert "under --balance paper: form=sum" in command("plugins", "show", "gram").out
    neighbors = command("plugins", "show", "neighbors").out
    assert "defaults with *: --backbone resnet50_thin\n" in neighbors
    assert "defaults with resnet*: --set backbone.enlarge=2\n" in neighbors
    assert "defaults with resnet50_thin: --smooth softmax\n" in neighbors
    assert "stylize presets show gatys_daytime" in command("plugins", "show", "gatys_daytime").out


def test_show_of_a_distribution_lists_its_plugins_and_parts(command):
    shown = command("plugins", "show", "stylize-nst").out
    assert "stylize-nst 0.1.0 (gatys): ok\n  plugin API: 1\n" in shown
    assert "\n  method gatys: " in shown
    assert json.loads(command("plugins", "show", "stylize-nst", "--json").out)


def test_show_of_an_unknown_name_suggests_the_nearest(command):
    outcome = command("plugins", "show", "tahn")
    assert outcome.code == 2
    assert "unknown part 'tahn'; did you mean tanh?" in outcome.complaint


TAKES_OVER = """
    STYLIZE_PLUGIN_API = 1

    @hookimpl
    def stylize_commands(app):
        app.command("rerun")(lambda: None)
"""
VIDEO = TAKES_OVER.replace("rerun", "video")
BROKEN = {
    "crash": ("raise RuntimeError('boom')", "failed at import: RuntimeError: boom"),
    "syntax": ("def", "failed at import: SyntaxError"),
    "exit": ("import sys; sys.exit(5)", "failed at import: it called sys.exit(5)"),
    "noapi": ("x = 1", "failed at api: it does not say STYLIZE_PLUGIN_API"),
    "future": ("STYLIZE_PLUGIN_API = 99", "failed at api: STYLIZE_PLUGIN_API is 99"),
    "rubbish": (
        "STYLIZE_PLUGIN_API = 1\n@hookimpl\ndef stylize_components():\n    return 'tanh'",
        "failed at components: ",
    ),
    "takes-over": (TAKES_OVER, "failed at commands: command 'rerun' exists"),
    "takes-video": (VIDEO, "failed at commands: command 'video' exists"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_one_warning_and_the_rest_works(command, site, kind):
    source, message = BROKEN[kind]
    name = f"zoo-broken-{kind}"  # its hooks are called before those of stylize-nst
    place_distribution(site, name, source)
    outcome = command(*PAIR, *FAST, "--json")
    assert outcome.code == 0, outcome.err
    assert len(outcome.records) == 1
    assert outcome.err.startswith(f"stylize: warning: plugin {name} 1.0 (")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    listed = command("plugins", "list").out
    assert f"{name} 1.0 ({name.replace('-', '_')}): failed: plugin {name}" in listed
    assert message in listed
    assert message in command("plugins", "show", name).out


def test_an_observer_that_raises_does_not_stop_a_run(command, site):
    place_distribution(
        site,
        "acme-raises",
        """
        STYLIZE_PLUGIN_API = 1

        class Observer:
            def progressed(self, progress):
                raise ValueError("no")

        @hookimpl
        def stylize_observers(plan):
            return [Observer()]
        """,
    )
    outcome = command(*PAIR, *FAST, "--json")
    assert outcome.code == 0
    (warning,) = outcome.records[0]["warnings"]
    assert "observer Observer of acme-raises failed and was dropped" in warning


def test_problems_of_a_check_are_a_warning_or_stop_the_run(command, site):
    place_distribution(
        site,
        "acme-check",
        """
        STYLIZE_PLUGIN_API = 1

        @hookimpl
        def stylize_check(plan):
            yield plan.warning("this may be slow")
            if plan.settings.seed:
                yield plan.error("seeds are not for you: use --seed 0")
        """,
    )
    outcome = command(*PAIR, *FAST)
    assert outcome.code == 0
    assert outcome.err.startswith("stylize: warning: this may be slow\n")
    refused = command(*PAIR, *FAST, "--seed", "1", "--force")
    assert refused.code == 2
    assert "seeds are not for you" in refused.complaint


def test_a_name_of_two_distributions_is_an_error_on_use_that_prints_both(command, site):
    source = SMOOTHING.format(
        name="tanh", factory="stylize_smoothings.none:Identity", settings=None
    )
    place_distribution(site, "acme-tanh", source)
    assert command(*PAIR, *FAST).code == 0
    outcome = command(*PAIR, *FAST, "--smooth", "tanh", "--force")
    assert outcome.code == 2
    assert "write acme-tanh:tanh or stylize-nst:tanh" in outcome.complaint
    assert command(*PAIR, *FAST, "--smooth", "acme-tanh:tanh", "--force").code == 0
    gain = ("--smooth", "stylize-nst:tanh", "--set", "tanh.gain=2")
    assert command(*PAIR, *FAST, *gain, "--force").code == 0
    shown = json.loads(command("plugins", "show", "tanh", "--json").out)
    assert [record["distribution"] for record in shown] == ["acme-tanh", "stylize-nst"]


def test_a_part_that_cannot_be_loaded_is_named_when_used_and_hides_no_other(command, site):
    source = SMOOTHING.format(
        name="fog", factory="acme_fog_missing:Fog", settings="acme_fog_missing:Settings"
    )
    place_distribution(site, "acme-fog", source)
    assert "fog" in command("plugins", "list").out
    record = json.loads(command("plugins", "list", "--json").out)
    (fog,) = [part for part in record["parts"]["smoothing"] if part["name"] == "fog"]
    assert "acme_fog_missing" in fog["failure"]
    assert "settings cannot be used: " in command("plugins", "show", "fog").out
    outcome = command(*PAIR, *FAST, "--smooth", "fog")
    assert outcome.code == 2
    assert "smoothing fog: cannot load 'acme_fog_missing:Settings'" in outcome.complaint


def test_a_plugin_adds_a_command(command, site):
    place_distribution(
        site,
        "acme-hello",
        """
        import typer

        STYLIZE_PLUGIN_API = 1

        @hookimpl
        def stylize_commands(app):
            @app.command()
            def hello(ctx: typer.Context, name: str) -> None:
                '''Greet.'''
                typer.echo(f"hello {name}, {len(ctx.obj.plugins)} plugins")
        """,
    )
    assert command("hello", "you").out.startswith("hello you, ")
    assert re.search(r"\n  hello +Greet\.\n", command("--help").out)
    assert command("hello").code == 2


@pytest.mark.parametrize(
    ("plugin", "line", "message"),
    {
        "backbone": (
            "resnet",
            (*PAIR, "--size", "48"),
            "unknown backbone 'resnet50_thin' (known: vgg",
        ),
        "method": ("gatys", (*PAIR, *FAST), "unknown method 'gatys' (known: adain"),
        "model": (
            "adain",
            ("photo.png", "--model", "mosaic"),
            "unknown model 'mosaic'",
        ),
        "named": ("adain", ("photo.png", "mosaic"), "did you mean mosaic_fast?"),
        "preset": ("resnet", (*PAIR, "--preset", "swag"), "unknown preset 'swag'"),
        "option": ("adain", (*PAIR, "--alpha", "0.5"), "no such option --alpha"),
    }.values(),
)
def test_what_a_disabled_plugin_takes_away_is_told_with_the_remedy(
    command, monkeypatch, plugin, line, message
):
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", plugin)
    outcome = command(*line)
    assert outcome.code == 2
    assert message in outcome.complaint
    assert outcome.complaint.endswith(
        f"; plugin stylize-nst:{plugin} is disabled by STYLIZE_DISABLE_PLUGINS={plugin}: take it "
        f"out to use it"
    )


def test_a_command_of_a_disabled_plugin_is_no_file_without_a_reason(command, monkeypatch):
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", "models")
    said = command("learn", "painting.png").complaint
    assert "learn: no such file" in said
    assert "STYLIZE_DISABLE_PLUGINS=models takes away the commands of these plugins too" in said


def test_a_rerun_without_a_disabled_part_says_so_and_not_install_it(command, monkeypatch):
    assert command(*PAIR, *FAST, "-o", "made.png").code == 0
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", "gatys,vgg")
    said = command("rerun", "made.png").complaint
    assert "made.png was made with method gatys of stylize-nst " in said
    assert (
        "plugins stylize-nst:gatys, stylize-nst:vgg are disabled by STYLIZE_DISABLE_PLUGINS="
        in said
    )
    assert "install it" not in said


@pytest.mark.parametrize(
    ("listed", "hint"),
    [
        ("nonsense", "unknown plugin 'nonsense' (known: adain, "),
        ("train,resnt", "unknown plugin 'resnt'; did you mean resnet? (known: "),
        ("stylize-nst:resnt", "did you mean stylize-nst:resnet?"),
    ],
)
def test_a_name_to_disable_that_no_plugin_has_is_warned_of(command, monkeypatch, listed, hint):
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", listed)
    outcome = command("presets", "list")
    assert outcome.code == 0
    (warning,) = outcome.err.splitlines()
    begins = "stylize: warning: STYLIZE_DISABLE_PLUGINS lists no plugin that is installed: "
    assert warning.startswith(begins)
    assert hint in warning


def test_plugins_can_be_disabled(command, monkeypatch):
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", "smoothings")
    assert "(smoothings): disabled" in command("plugins", "list").out
    assert "unknown smoothing 'softmax'" in command(*PAIR).complaint
