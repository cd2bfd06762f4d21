"""The command's grammar, its output files, and its messages."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from command import ENDLESS, FAST, SMALL, STEPS, Command
from plugin_factory import place_distribution
from stylize import PluginHost, RunSettings, read_image, read_record
from stylize.command.app import build_app, run

PAIR = ("photo.png", "painting.png")
OUTPUT = "photo_painting_gatys.png"
MODULE = (sys.executable, "-m", "stylize")

# A plugin that reports a run's progress, and may hold it up.
WATCHER = """
    import sys, time

    STYLIZE_PLUGIN_API = 1

    class Watcher:
        def progressed(self, progress):
            print("step", progress.step, flush=True)
            time.sleep({pause})

    @hookimpl
    def stylize_observers(plan):
        return [Watcher()]
"""


def copy(command: Command, *names: str) -> None:
    """Make further photographs."""
    for name in names:
        target = command.folder / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(command.folder / "photo.png", target)


def start(
    command: Command, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start the command in its own process."""
    return subprocess.Popen(
        [*MODULE, *arguments],
        cwd=command.folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(stream: object, text: str) -> str:
    """Read lines until one has `text`, and return all of them."""
    lines: list[str] = []
    for line in stream:  # type: ignore[attr-defined]
        lines.append(line)
        if text in line:
            break
    return "".join(lines)


# Grammar.


def test_a_photograph_and_a_painting_make_a_picture_with_its_record(command):
    outcome = command(*PAIR, *FAST)
    assert outcome.code == 0
    assert outcome.out == ""
    assert outcome.err.startswith(f"{OUTPUT}: 48x36, 1 step, ")
    assert command.files == {OUTPUT}
    record = read_record(command.folder / OUTPUT)
    assert record["content"]["name"] == "photo.png"
    assert record["steps"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (*FAST, *PAIR),
        (*PAIR, *FAST),
        ("photo.png", *FAST, "painting.png"),
        ("--backbone", "vgg16", "--smooth", "none", *FAST, *PAIR),
        ("picture", *PAIR, *FAST),
        (*FAST, "--", *PAIR),
        ("photo.png", "--style", "painting.png", *FAST),
        ("--style=painting.png", *FAST, "photo.png"),
    ],
)
def test_options_stand_before_between_or_after_the_files(command, arguments):
    assert command(*arguments).code == 0
    assert command.files == {OUTPUT}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("plugins", ("./plugins", "painting.png")), ("-x.png", (*FAST, "--", "-x.png", PAIR[1]))],
)
def test_a_path_or_two_dashes_make_a_file_of_a_name_that_means_something_else(
    command, name, arguments
):
    copy(command, name)
    outcome = command(*arguments, *(() if "--" in arguments else FAST))
    assert outcome.code == 0, outcome.err
    assert f"{Path(name).stem}_painting_gatys.png" in command.files


@pytest.mark.parametrize(
    "arguments",
    [("plugin", "list"), ("presets2",), ("--json", "plugins", "list"), (*FAST, "rerun", "x.png")],
)
def test_a_missing_file_that_is_nearly_a_command_says_so(command, arguments):
    outcome = command(*arguments)
    assert outcome.code == 2
    assert "no such file or command: did you mean stylize " in outcome.complaint


def test_demo_makes_the_picture_of_the_demo_pair(command):
    outcome = command("demo", *FAST)
    assert outcome.code == 0, outcome.err
    assert command.files == {"china_starry_night_gatys.png"}
    assert command("rerun", "china_starry_night_gatys.png").code == 0
    assert command("demo", "--model", "mosaic_fast", *SMALL).code == 0
    assert "china_mosaic_fast.png" in command.files


def test_without_arguments_the_command_shows_how_it_is_called_by_five_examples(command):
    outcome = command()
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.count("\n  stylize ") == 5
    assert len(outcome.out.splitlines()) < 20
    assert "--backbone" not in outcome.out


def test_options_without_a_photograph_make_nothing(command):
    outcome = command(*FAST)
    assert outcome.code == 2
    assert "no photograph: give one with a painting" in outcome.complaint


@pytest.mark.parametrize(
    ("line", "usage"),
    [
        ("learn", "learn [OPTIONS] PAINTING"),
        ("models show", "models show [OPTIONS] MODEL"),
        ("analyze activations", "analyze activations [OPTIONS] IMAGES..."),
        ("compare", "compare [OPTIONS] [FILES...]"),
        ("bench smoothing", "bench smoothing [OPTIONS] [NAME]..."),
        ("video", "video [OPTIONS] [CLIP... [PAINTING]]"),
    ],
)
def test_a_usage_line_shows_which_arguments_can_be_left_out_or_repeated(command, line, usage):
    assert command(*line.split(), "--help").out.splitlines()[0] == f"Usage: stylize {usage}"


def test_help_is_a_word_too(command):
    assert command("help") == command("--help")
    assert command("help", "models", "list") == command("models", "list", "--help")


def test_a_trained_model_in_the_painting_s_place_is_used_as_such(command):
    outcome = command("photo.png", "mosaic_fast", *SMALL)
    assert outcome.code == 0, outcome.err
    assert "mosaic_fast is a trained model: --model mosaic_fast\n" in outcome.err
    assert command.files == {"photo_mosaic_fast.png"}


def test_a_misspelt_model_in_the_painting_s_place_gets_a_suggestion(command):
    outcome = command("photo.png", "mosaic_fats", "-o", "out.png")
    assert outcome.code == 2
    assert "mosaic_fats: no such file or trained model: did you mean mosaic_fast?" in outcome.err


def test_a_painting_beside_a_model_that_has_learnt_its_own_is_not_restyled_silently(command):
    outcome = command(*PAIR, "--model", "mosaic_fast", *SMALL)
    assert outcome.code == 0
    assert "warning: painting.png is restyled as a photograph" in outcome.err


def test_several_files_without_style_say_which_is_the_painting(command):
    copy(command, "b.png")
    outcome = command("photo.png", "b.png", "painting.png", *FAST)
    assert outcome.err.startswith("painting.png is the painting, all others are photographs")


def test_a_photograph_alone_is_offered_a_model(command):
    assert "--model" in command("photo.png").complaint


def test_several_styles_are_blended_by_their_weights(command):
    both = ("-s", "painting.png", "-s", "photo.png", "--style-weights")
    for name, styles in {
        "one.png": ("-s", "painting.png"),
        "first.png": (*both, "1,0"),
        "blend.png": (*both, "0.5,0.5"),
    }.items():
        assert command("photo.png", *styles, *STEPS, "-o", name).code == 0
    one, first, blend = (
        read_image(command.folder / name).pixels for name in ("one.png", "first.png", "blend.png")
    )
    assert torch.equal(one, first)
    assert not torch.equal(first, blend)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--style-weights", "0.7,0.2,0.1"), "has 3 numbers for 2 style images"),
        (("--style-weights", "0,0"), "all 0"),
        (("--style-weights", "1,-1"), "greater than or equal to 0"),
        (("--style-weights", "1,half"), "valid number"),
    ],
)
def test_style_weights_that_do_not_fit_the_styles_are_wrong_usage(command, options, message):
    copy(command, "two.png")  # wrong for all pictures, so it tries none: 2, not 1
    styles = ("-s", "painting.png", "-s", "photo.png")
    outcome = command("photo.png", "two.png", *styles, *options, *FAST)
    assert outcome.code == 2
    assert message in outcome.complaint
    assert command.files == {"two.png"}


def test_folders_and_quoted_globs_are_contents(command):
    copy(command, "holidays/a.png", "holidays/b.png", "more/c1.png", "more/c2.jpg")
    (command.folder / "holidays" / "notes.txt").write_text("no picture")
    outcome = command("holidays", "more/c*.png", "painting.png", *FAST, "-o", "out")
    assert outcome.code == 0
    made = {name for name in command.files if name.startswith("out/")}
    assert made == {f"out/{name}_painting_gatys.png" for name in ("a", "b", "c1")}


def test_content_alone_is_reconstructed_and_style_alone_gives_a_texture(command):
    assert command("--no-style", "photo.png", *FAST).code == 0
    assert command("--no-content", "painting.png", *FAST).code == 0
    assert command.files == {"photo_gatys.png", "painting_gatys.png"}
    assert read_record(command.folder / "photo_gatys.png")["styles"] == []
    assert read_record(command.folder / "painting_gatys.png")["content"] is None


@pytest.mark.parametrize("keep", ["luminance", "histogram"])
def test_the_photographs_colours_are_kept_on_request(command, keep):
    command(*PAIR, *STEPS, "-o", "plain.png")
    command(*PAIR, *STEPS, "--keep-color", keep, "-o", "kept.png")
    plain, kept, photo = (
        read_image(command.folder / name).pixels.mean(dim=(2, 3))
        for name in ("plain.png", "kept.png", "photo.png")
    )
    hue_shifts = [
        (means - means.mean() - (photo - photo.mean())).abs().max() for means in (plain, kept)
    ]
    assert hue_shifts[1] < hue_shifts[0]


def test_a_method_that_needs_no_style_takes_contents_only(command, monkeypatch):
    site = command.folder / "site"
    place_distribution(
        site,
        "acme-copy",
        """
        STYLIZE_PLUGIN_API = 1

        class Copy:
            def __init__(self, settings):
                pass

            def stylize(self, content, styles, parts, run):
                assert not styles
                return content

        @hookimpl
        def stylize_components():
            return [MethodSpec("copy", factory="acme_copy:Copy", needs_style=False)]
        """,
    )
    monkeypatch.syspath_prepend(site)
    copy(command, "two.png")
    assert command("photo.png", "two.png", "--method", "copy").code == 0
    assert {"photo_copy.png", "two_copy.png"} <= command.files
    outcome = command("photo.png", "-s", "painting.png", "--method", "copy")
    assert outcome.code == 2
    assert "leave out --style" in outcome.complaint


# Help, version, debug.


def command_paths() -> list[tuple[str, ...]]:
    import typer

    root = typer.main.get_command(build_app(PluginHost.discover()))
    paths: list[tuple[str, ...]] = [()]
    for name, made in root.commands.items():  # type: ignore[attr-defined]
        paths.append((name,))
        paths += [(name, inner) for inner in getattr(made, "commands", ())]
    return paths


@pytest.mark.parametrize("path", command_paths(), ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help(command, path, flag):
    outcome = command(*path, flag)
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.startswith(f"Usage: {' '.join(('stylize', *path))}")
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_help_lists_every_setting_with_its_default_by_panel(command):
    text = command("--help").out
    for name, field in RunSettings.model_fields.items():
        if name != "options":
            assert re.search(rf"--{name.replace('_', '-')}[ ,]", text)
        default = field.get_default(call_default_factory=True)
        if isinstance(default, str | int | float) and "By default" not in field.description:
            assert f"[default: {default}]" in " ".join(text.split())
    panels = [line for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    own = ["Options of adain:", "Options of adain, johnson and neighbors:"]
    assert panels == [
        "Examples:",
        "Arguments:",
        "Options:",
        "Look:",
        "Size and quality:",
        "Parts:",
        *own,
        "Commands:",
    ]
    assert "--alpha NUMBER" in text.partition(own[0])[2].partition(own[1])[0]
    assert "--stroke-size NUMBER" in text.partition(own[1])[2]
    assert text.count("--help") == 1
    assert "..." not in text.partition("Commands:")[2]


@pytest.mark.parametrize(("command_name", "sub"), [("plugins", "list"), ("presets", "list")])
def test_a_group_without_a_command_lists(command, command_name, sub):
    bare, listed = command(command_name), command(command_name, sub)
    assert bare.code == 0
    assert bare == listed
    assert bare.out


def test_version_is_shown_by_both_ways_to_start():
    script = str(Path(sys.executable).with_name("stylize"))
    shown = [
        subprocess.run([*way, "--version"], capture_output=True, text=True, check=True).stdout
        for way in ((script,), MODULE)
    ]
    assert shown[0].startswith("stylize ")
    assert shown[0] == shown[1]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_debug_shows_the_traceback_wherever_it_stands(command, place):
    arguments = ["missing.png", "painting.png"]
    arguments.insert(place, "--debug")
    outcome = command(*arguments)
    assert outcome.code == 2
    assert "Traceback" in outcome.err
    assert outcome.err.endswith(
        "stylize: missing.png: no such file: check the name and the folder\n"
    )
    assert "Traceback" not in command(*(a for a in arguments if a != "--debug")).err


def test_debug_after_two_dashes_is_a_file(command):
    assert "--debug: no such file" in command("--", "--debug", "painting.png").complaint


# Where pictures go.


def test_a_picture_is_overwritten_only_with_force(command):
    (command.folder / OUTPUT).write_bytes(b"mine")
    named = command(*PAIR, *FAST, "-o", OUTPUT)
    assert named.code == 2
    assert f"{OUTPUT}: exists" in named.complaint
    numbered = command(*PAIR, *FAST)
    assert numbered.code == 0
    assert f"; unlike {OUTPUT}: its settings are unknown\n" in numbered.err
    assert (command.folder / OUTPUT).read_bytes() == b"mine"
    assert command(*PAIR, *FAST, "--force").code == 0
    assert read_record(command.folder / OUTPUT)


def test_a_folder_that_is_named_numbers_too(command):
    Path("made.png").mkdir()
    Path("made.png", OUTPUT).write_bytes(b"mine")
    assert command(*PAIR, *FAST, "-o", "made.png").code == 0
    assert Path("made.png", OUTPUT).read_bytes() == b"mine"
    assert read_record(Path("made.png", OUTPUT.replace(".png", "_2.png")))


def test_other_settings_are_numbered_and_the_same_are_made_once(command):
    assert command(*PAIR, *FAST).code == 0
    second = command(*PAIR, *FAST, "--strength", "2", "--keep-colour", "luminance")
    assert second.code == 0, second.err
    assert f"; unlike {OUTPUT}: strength 2, not 1, keep color luminance, not none\n" in second.err
    third = command(*PAIR, *FAST, "--set", "gatys.iterations=2")
    number_two = OUTPUT.replace(".png", "_2.png")
    assert f"; unlike {number_two}: strength 1, not 2, keep color none, " in third.err
    assert "gatys.iterations 2, not 1" in third.err
    made = command.files
    assert len(made) == 3
    for options in ((), ("--strength", "2", "--keep-color", "luminance"), ("--backbone", "vgg16")):
        again = command(*PAIR, *FAST, *options, "--json")
        assert again.code == 0
        assert [record["status"] for record in again.records] == ["skipped"]
        assert "already made with these settings (--force makes it again)" in again.err
    assert again.records[0]["output"] == OUTPUT
    assert command.files == made


def test_another_photograph_of_the_same_name_is_numbered(command):
    assert command(*PAIR, *FAST).code == 0
    copy(command, "other/photo.png")
    Image.open("photo.png").rotate(180).save("other/photo.png")
    outcome = command("other/photo.png", PAIR[1], *FAST)
    assert f"; unlike {OUTPUT}: other input files\n" in outcome.err
    assert OUTPUT.replace(".png", "_2.png") in command.files


def test_a_folder_run_skips_what_is_done_and_never_takes_its_outputs_or_style_for_contents(command):
    copy(command, "a.png")
    first = command(".", "painting.png", *FAST)
    assert first.code == 0
    assert "left out, as a style or an output of this run: painting.png\n" in first.err
    copy(command, "b.png")
    before = {name: (command.folder / name).stat().st_mtime_ns for name in command.files}
    second = command(".", "painting.png", *FAST, "--json")
    assert second.code == 0
    assert {r["output"]: r["status"] for r in second.records} == {
        "a_painting_gatys.png": "skipped",
        "b_painting_gatys.png": "made",
        OUTPUT: "skipped",
    }
    assert "2 of 3 pictures skipped: the output exists (--force makes it again)" in second.err
    assert all((command.folder / name).stat().st_mtime_ns == was for name, was in before.items())


def test_a_folder_of_one_picture_is_skipped_too(command):
    copy(command, "holidays/a.png")
    assert command("holidays", "painting.png", *FAST).code == 0
    again = command("holidays", "painting.png", *FAST)
    assert again.code == 0
    assert again.err.startswith("a_painting_gatys.png: the output exists")


def test_contents_of_one_name_get_outputs_of_their_own(command):
    copy(command, "x/a.png", "y/a.png", "y/A.jpg")
    outcome = command("x/a.png", "y/a.png", "y/A.jpg", "painting.png", *FAST, "--json")
    assert [record["output"] for record in outcome.records] == [
        "a_painting_gatys.png",
        "a_painting_gatys_2.png",
        "A_painting_gatys_3.png",
    ]
    assert outcome.code == 0


def test_names_too_long_for_a_file_are_cut(command):
    copy(command, f"{'ü' * 120}.png")
    outcome = command(f"{'ü' * 120}.png", "painting.png", *FAST, "--json")
    assert outcome.code == 0, outcome.err
    assert (command.folder / outcome.records[0]["output"]).exists()


@pytest.mark.parametrize("output", ["out", "out/", "made", "made/"])
def test_several_pictures_go_into_a_folder_which_is_made(command, output):
    (command.folder / "made").mkdir()
    copy(command, "a.png")
    assert command(*PAIR[:1], "a.png", "painting.png", *FAST, "-o", output).code == 0
    assert len(list((command.folder / output).iterdir())) == 2


@pytest.mark.parametrize("name", ["out.png", "out.JPG", "out.webp", "out.tiff"])
def test_the_extension_chooses_the_format(command, name):
    assert command(*PAIR, *FAST, "-o", name).code == 0
    assert read_record(command.folder / name)["content"]["name"] == "photo.png"


# JSON, standard input and output.


def test_json_prints_one_record_a_picture_whatever_becomes_of_it(command):
    copy(command, "b.png")
    assert command(*PAIR, *FAST).code == 0
    (command.folder / "bad.jpg").write_text("no picture")
    outcome = command("photo.png", "bad.jpg", "b.png", "painting.png", *FAST, "--json")
    assert outcome.code == 1
    skipped, failed, made = outcome.records
    assert [r["status"] for r in outcome.records] == ["skipped", "failed", "made"]
    assert [r["content"]["name"] for r in outcome.records] == ["photo.png", "bad.jpg", "b.png"]
    assert skipped["reason"].startswith("already made with these settings")
    assert failed["error"].startswith("bad.jpg: not a picture")
    assert made["output"] == "b_painting_gatys.png"
    assert made["stopped"] == "done"
    assert {"steps", "seconds", "losses", "settings", "warnings"} <= made.keys()
    assert "1 of 3 pictures failed: bad.jpg" in outcome.err


def printed_warnings(err: str) -> list[str]:
    begin = "stylize: warning: "
    return [line.removeprefix(begin) for line in err.splitlines() if line.startswith(begin)]


def test_json_has_every_warning_that_is_printed(command, monkeypatch):
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", "nonsense")
    copy(command, "b.png")
    (command.folder / "bad.jpg").write_text("no picture")
    with Image.open("photo.png") as image:
        image.save("moving.gif", save_all=True, append_images=[ImageOps.mirror(image)])
    # A check of the plan; no gains are known for random weights.
    line = ("--smooth", "tanh", "--backbone", "vgg16.random", *STEPS, "--json")
    outcome = command("moving.gif", "bad.jpg", "b.png", "painting.png", *line)
    printed = printed_warnings(outcome.err)
    shared = [text for text in printed if "nonsense" in text or "no gains are known" in text]
    own = [text for text in printed if text not in shared]
    assert len(shared) == 2
    assert len(own) == 1
    found = {record["content"]["name"]: record["warnings"] for record in outcome.records}
    assert found == {"moving.gif": [*shared, *own], "bad.jpg": shared, "b.png": shared}
    assert command("b.png", "painting.png", *FAST, "--json").records[0]["warnings"] == shared[:1]


def test_json_tells_of_a_single_failure_too(command):
    outcome = command("missing.png", "painting.png", *FAST, "--json")
    assert outcome.code == 2
    assert [record["status"] for record in outcome.records] == ["failed"]
    assert "no such file" in outcome.complaint


def test_file_names_that_are_no_text_do_not_break_json(command):
    name = os.fsdecode(b"\xff\xfe.png")
    copy(command, name)
    outcome = command(name, "painting.png", *FAST, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.records[0]["content"]["name"] == name


def test_what_plugins_print_stays_out_of_standard_output(command, monkeypatch):
    site = command.folder / "site"
    place_distribution(site, "acme-steps", WATCHER.format(pause=0))
    monkeypatch.syspath_prepend(site)
    outcome = command(*PAIR, *FAST, "--json")
    assert len(outcome.records) == 1
    assert "step 1\n" in outcome.err


def test_a_picture_can_come_from_standard_input_and_go_to_standard_output(command):
    photo = (command.folder / "photo.png").read_bytes()
    outcome = command("-", "painting.png", *FAST, "-o", "-", "--json", stdin=photo)
    assert outcome.code == 0
    assert outcome.stdout.startswith(b"\x89PNG")
    record = json.loads(outcome.err)
    assert record["status"] == "made"
    assert record["content"]["name"] == "standard input"
    (command.folder / "copy.png").write_bytes(outcome.stdout)
    painting = (command.folder / "painting.png").read_bytes()
    assert command("photo.png", "-", *FAST, stdin=painting).code == 0
    assert command.files == {"copy.png", "photo_stdin_gatys.png"}
    assert read_record(command.folder / "copy.png")["steps"] == 1


def test_pipes_of_a_shell_hold_pictures_only(command):
    line = f"cat photo.png | {sys.executable} -m stylize - painting.png {' '.join(FAST)} -o - >x"
    ended = subprocess.run(
        ["bash", "-c", line], cwd=command.folder, capture_output=True, text=True, check=True
    )
    assert "standard output: 48x36, 1 step," in ended.stderr
    assert (command.folder / "x").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-", "-"), "- is given twice"),
        (("-", "painting.png", "-s", "-"), "- is given twice"),
        (("photo.png", "painting.png", "photo.png", "-o", "-"), "-o - takes one picture, not 2"),
        (("-", "painting.png"), "standard input: is empty"),
        (("photo.png", "painting.png", "-"), "- as the painting serves one photograph"),
    ],
)
def test_standard_streams_hold_one_picture(command, arguments, message):
    outcome = command(*arguments, *FAST)
    assert outcome.code == 2
    assert message in outcome.complaint
    assert command.files == set()


def test_a_reader_that_went_away_ends_the_command_quietly(command):
    for arguments in ("plugins list", "--help", f"{' '.join((*PAIR, *FAST))} -o -"):
        line = f"{sys.executable} -m stylize {arguments} | true"
        ended = subprocess.run(["bash", "-c", line], cwd=command.folder, capture_output=True)
        assert b"Traceback" not in ended.stderr
        assert b"Exception" not in ended.stderr
        assert ended.stderr.count(b"\n") <= 1
    assert command.files == set()


# Messages.


def test_quiet_prints_errors_only(command):
    assert command(*PAIR, *FAST, "--quiet").err == ""
    copy(command, "a.png")
    assert command(*PAIR[:1], "a.png", "painting.png", *FAST, "--quiet").err == ""
    assert "no such file" in command("missing.png", "painting.png", "--quiet").complaint


def run_in_terminal(command: Command, *arguments: str) -> tuple[int, str]:
    """Run the command in its own terminal, and return its exit code and the terminal's text."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*MODULE, *arguments],
        cwd=command.folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux's signal that the other end is closed
        while chunk := os.read(ours, 65_536):
            shown += chunk
    os.close(ours)
    return process.wait(), shown.decode()


def test_without_a_terminal_a_run_says_one_line_and_with_one_it_shows_a_bar(command):
    assert command(*PAIR, *FAST).err.count("\n") == 1
    code, shown = run_in_terminal(command, *PAIR, *FAST, "-o", "bar.png")
    assert code == 0
    assert "━" in shown
    assert "100%" in shown
    assert "bar.png: 48x36, 1 step," in shown


def test_a_picture_is_not_written_to_a_terminal(command):
    code, shown = run_in_terminal(command, *PAIR, *FAST, "-o", "-")
    assert code == 2
    assert shown == "stylize: -o - writes a PNG: send standard output to a file or a pipe\r\n"


def test_a_closed_standard_error_does_not_stop_a_run(command, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    assert run([*PAIR, *FAST]) == 0
    assert command.files == {OUTPUT}


# Stopping.


def test_a_time_limit_is_kept_and_told(command):
    outcome = command(*PAIR, *ENDLESS, "--time", "1s", "--json")
    assert outcome.code == 0
    (record,) = outcome.records
    assert record["stopped"] == "time"
    assert 1 <= record["steps"] < 100_000
    assert record["seconds"] < 2
    assert (
        ", stopped by the time limit" in command(*PAIR, *ENDLESS, "--time", "0.5s", "--force").err
    )


def test_a_time_limit_and_the_seconds_count_from_the_program_s_start(command, capsysbinary):
    line = [*PAIR, *ENDLESS, "--time", "5s"]
    assert run(line, begun=time.monotonic() - 30) == 0
    said = capsysbinary.readouterr().err.decode()
    assert " 1 step, " in said
    took, late = (float(re.search(rf"([\d.]+) s {end}", said)[1]) for end in ("on cpu", "late: "))
    assert took >= 30
    assert took - late == pytest.approx(5, abs=0.11)


def interrupted_run(
    command: Command, pause: float, arguments: Sequence[str]
) -> subprocess.Popen[str]:
    """Start a long run and send it Ctrl-C after its first step."""
    site = command.folder / "site"
    place_distribution(site, "acme-watcher", WATCHER.format(pause=pause))
    process = start(command, *arguments, *ENDLESS, environment={"PYTHONPATH": str(site)})
    assert wait_for(process.stderr, "step 1").endswith("step 1\n")
    process.send_signal(signal.SIGINT)
    return process


def test_ctrl_c_saves_the_best_picture_so_far_and_skips_the_rest(command):
    copy(command, "two.png")
    process = interrupted_run(command, 0, ["photo.png", "two.png", "painting.png", "--json"])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["status"] for record in records] == ["made", "skipped"]
    assert records[0]["stopped"] == "interrupted"
    assert records[1]["reason"] == "interrupted"
    assert read_record(command.folder / OUTPUT)["steps"] == records[0]["steps"]
    assert "stopping: saving the best picture so far" in err
    assert "1 of 2 pictures skipped: interrupted" in err
    assert "Traceback" not in err
    assert "two_painting_gatys.png" not in command.files


def test_a_second_ctrl_c_ends_at_once_with_nothing_half_written(command):
    process = interrupted_run(command, 60, [*PAIR])
    wait_for(process.stderr, "stopping: saving the best picture so far")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert err == "stylize: interrupted, and the picture being made is dropped\n"
    assert not [name for name in command.files if not name.startswith("site")]


def test_pictures_made_by_the_command_are_what_python_makes(command):
    """The command adds no processing of its own."""
    from stylize import stylize_image

    command(*PAIR, *STEPS)
    result = stylize_image(
        "photo.png",
        "painting.png",
        size=48,
        precision="float32",
        method="gatys",
        options={"gatys": {"iterations": [4]}},
    )
    with Image.open(command.folder / OUTPUT) as image:
        assert image.tobytes() == result.image.tobytes()
