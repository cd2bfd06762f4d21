"""Training: it learns, repeats, survives interruptions of every kind, and reports the cause."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

from small_training import (
    NARROW,
    After,
    make_checkpoint_tensors,
    make_photographs,
    make_training,
)
from stylize import ModelFile, Progress, Run, clear_training, read_header, training_folder
from stylize.errors import (
    ModelError,
    OutputError,
    TrainingError,
    UsageError,
    WeightsUnavailableError,
)
from stylize_johnson.task import JohnsonTask
from stylize_train.previews import CAPTION, Previews, tile_preview
from stylize_train.session import Training

FOUR = {"steps": 4, "checkpoint_every": 2}
CRITICAL = {**NARROW, "network": "deep", "scales": 2, "critic": 1.0}


@pytest.fixture(scope="module")
def small_painting(tmp_path_factory: pytest.TempPathFactory, painting: Path) -> Path:
    path = tmp_path_factory.mktemp("painting") / "painting.png"
    with Image.open(painting) as image:
        image.resize((64, 48)).save(path)
    return path


@pytest.fixture
def train(host, tmp_path, small_painting):
    """`make_training` in the test's own folder."""

    def make(**values: object) -> Training:
        return make_training(host, tmp_path, small_painting, **values)

    return make


def assert_same_network(one: Training, other: Training) -> None:
    """Check that the float32 networks, and the models, are the same bit for bit."""
    first, second = (make_checkpoint_tensors(training) for training in (one, other))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    tensors, others = (tensors_of(training) for training in (one, other))
    assert all(torch.equal(tensors[name], others[name]) for name in tensors)


def tensors_of(training: Training) -> dict[str, torch.Tensor]:
    return ModelFile("m", training.output, read_header(training.output)).tensors()


def metrics(training: Training) -> list[dict[str, str]]:
    path = training_folder(training.output) / "metrics.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files_of(training: Training) -> set[str]:
    return {path.name for path in training_folder(training.output).iterdir()}


# It trains.


def test_the_objective_falls(train, tmp_path):
    one = make_photographs(tmp_path / "one", count=1)
    training = train(data=one, steps=16, learning_rate=0.02, framing="resize", flip=False)
    training(Run())
    totals = [0.0] * 16  # of each single step; reports give a moving average
    for row in metrics(training):
        if row["kind"] == "training":
            totals[int(row["step"]) - 1] += float(row["value"])
    assert totals[-1] < 0.7 * totals[0], totals


def test_the_header_tells_how_the_model_was_made(train, small_painting):
    training = train(settings={"strength": 2}, steps=1)
    training.summary, training.license = "Noise", "CC0-1.0"
    model = training(Run(strength=2))
    header = read_header(training.output)
    assert model.header == header
    assert (header.method, header.backbone) == ("johnson", "vgg16.oxford")
    assert header.network == {"network": "light", "width": 8, "blocks": 1}
    assert header.run["style_layers"] == {"relu1_1": 1.0}
    assert header.run["strength"] == 2
    assert header.training["crop"] == 32
    assert [style.name for style in header.styles] == [small_painting.name]
    assert (header.pictures, header.steps) == (6, 1)
    assert (header.summary, header.license) == ("Noise", "CC0-1.0")


def test_the_same_seed_trains_the_same_network_and_another_another(train):
    one, same, other = (
        train(output=f"{name}.safetensors", settings={"seed": seed})
        for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    for training in (one, same, other):
        training(Run(seed=training.plan.settings.seed))
    assert_same_network(one, same)
    first, second = make_checkpoint_tensors(one), make_checkpoint_tensors(other)
    assert not all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("network", ["light", "classic", "deep"])
def test_crops_of_any_size_are_learnt_from(train, network):
    training = train(options={"johnson": {**NARROW, "network": network}}, crop=37)
    assert training(Run()).header.steps == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"crop": 64, "style_size": 64}, r"is 64x48, .*scales=6 compares it at 1/32"),
        ({"crop": 64, "style_size": 2000}, r"is 64x48, .*or a larger --style-size, or fewer"),
    ],
)
def test_sizes_that_are_too_small_to_compare_are_named(train, values, said):
    training = train(
        options={"johnson": {**NARROW, "scales": 6}}, settings={"style_layers": "relu3_1"}, **values
    )
    with pytest.raises(UsageError, match=said):
        training(Run())


def test_a_crop_that_is_too_small_for_the_scales_is_named(train):
    training = train(
        options={"johnson": {**NARROW, "scales": 5}},
        settings={"style_layers": "relu2_1"},
        crop=16,
        style_size=64,
    )
    with pytest.raises(UsageError, match=r"crop is 16x16, .*larger --crop, or fewer scales"):
        training(Run())


@pytest.mark.parametrize("option", [{"scales": 2}, {"critic": 1.0}])
def test_sizes_of_the_style_and_a_critic_change_what_is_learnt(train, option):
    plain = train(output="plain.safetensors")
    other = train(output="other.safetensors", options={"johnson": {**NARROW, **option}})
    for training in (plain, other):
        training(Run())
    first, second = make_checkpoint_tensors(plain), make_checkpoint_tensors(other)
    assert not all(torch.equal(first[name], second[name]) for name in first)
    assert first.keys() == second.keys()  # the model has no critic


def test_a_critic_learns_to_tell_pictures_from_paintings(train):
    training = train(options={"johnson": {**NARROW, "critic": 1.0}}, steps=30)
    training(Run())
    rows = [row for row in metrics(training) if row["term"] == "critic"]
    first, last = (float(rows[at]["value"]) for at in (0, -1))
    assert len(rows) == 30
    assert last < first


def test_workers_do_not_change_the_result(train):
    alone, helped = (train(output=f"{n}.safetensors", workers=n) for n in (0, 2))
    alone(Run())
    helped(Run())
    assert_same_network(alone, helped)


def test_a_blend_of_paintings_is_another_network_than_each(train, small_painting, tmp_path):
    with Image.open(small_painting) as image:
        image.transpose(Image.Transpose.ROTATE_90).convert("L").save(tmp_path / "other.png")
    pair = [str(small_painting), str(tmp_path / "other.png")]
    networks = []
    for name, shares in (("one", (1, 0)), ("both", (1, 1))):
        training = train(
            output=f"{name}.safetensors", styles=pair, settings={"style_weights": shares}
        )
        training(Run())
        networks.append(make_checkpoint_tensors(training))
    assert not all(torch.equal(networks[0][name], networks[1][name]) for name in networks[0])
    assert len(read_header(tmp_path / "both.safetensors").styles) == 2


def test_held_out_pictures_are_measured_and_shown(train, tmp_path):
    make_photographs(tmp_path / "photographs", count=21)
    training = train(steps=4, validate_every=2)
    model = training(Run())
    validation = [row for row in metrics(training) if row["kind"] == "validation"]
    assert {row["step"] for row in validation} == {"2", "4"}
    last = {row["term"]: float(row["value"]) for row in validation if row["step"] == "4"}
    assert model.header.losses == pytest.approx(last, abs=1e-4)
    assert model.header.pictures == 19
    with Image.open(training_folder(training.output) / "preview_000004.jpg") as preview:
        assert preview.size == (2 * 32, 2 * 32 + CAPTION)  # two held out, above their pictures
    assert {"preview_000002.jpg", "preview.jpg"} <= files_of(training)


def test_a_few_photographs_are_shown_from_the_start_though_none_is_held_out(train):
    training = train(steps=3, validate_every=2)
    folder = training_folder(training.output)
    seen: list[bytes] = []
    run = Run()
    for step in (1, 2, 3):
        After(step, run, lambda: seen.append((folder / "preview.jpg").read_bytes()))
    model = training(run)
    assert seen[0] == seen[1] != seen[2]  # what steps report comes before their previews
    assert (folder / "preview.jpg").read_bytes() != seen[2]
    assert files_of(training) == {"checkpoint.pt", "metrics.csv", "preview.jpg"}
    with Image.open(folder / "preview.jpg") as preview:
        assert preview.size == (4 * 32, 2 * 32 + CAPTION)  # four of six, above their pictures
    assert not model.header.losses
    assert {row["kind"] for row in metrics(training)} == {"training"}


def test_a_stop_leaves_the_preview_of_the_network_that_is_saved(train):
    training = train(steps=9, validate_every=2)
    preview = training_folder(training.output) / "preview.jpg"
    run = Run()
    After(3, run)
    training(run)
    assert training.shown_step == run.steps_done == 3
    left = preview.read_bytes()
    train(steps=3, resume=True)(Run())  # shows what the checkpoint holds
    assert preview.read_bytes() == left


def test_the_preview_of_a_stop_may_be_interrupted_without_harm(train, monkeypatch):
    honest = Previews.write

    def write(previews, step, *kept):
        if step == 3:
            raise KeyboardInterrupt
        honest(previews, step, *kept)

    monkeypatch.setattr(Previews, "write", write)
    training = train(steps=9, validate_every=2)
    run = Run()
    After(3, run)
    assert training(run).header.steps == 3
    assert training.shown_step == 2


def test_a_preview_says_which_step_it_shows():
    one, other = (tile_preview(torch.full((4, 2, 3, 32, 32), 0.5), f"step {n}") for n in (20, 40))
    pictures, caption = (0, 0, 128, 64), (0, 64, 128, 64 + CAPTION)
    assert one.crop(pictures).tobytes() == other.crop(pictures).tobytes()
    assert one.crop(caption).tobytes() != other.crop(caption).tobytes()


def test_previews_change_no_training_even_where_they_draw_random_numbers(train, monkeypatch):
    plain = train(output="plain.safetensors", steps=3)
    plain(Run())
    honest = JohnsonTask.preview

    def preview(task, network, batch):
        if not network.training:
            torch.rand(7)
        return honest(task, network, batch)

    monkeypatch.setattr(JohnsonTask, "preview", preview)
    shown = train(output="shown.safetensors", steps=3, validate_every=1)
    shown(Run())
    assert_same_network(plain, shown)


def test_a_preview_that_cannot_be_written_is_told_once_and_ends_nothing(train):
    told: list[str] = []
    training = train(told=told, validate_every=1)
    (training_folder(training.output) / "preview.jpg").mkdir(parents=True)
    training(Run())
    (said,) = told
    assert "preview.jpg: is a folder" in said


# It leaves no litter.


@pytest.mark.parametrize("step", [1, 2])
def test_a_start_that_fails_leaves_nothing(train, monkeypatch, step):
    spoil(monkeypatch, step=step)
    training = train(steps=4, validate_every=1, checkpoint_every=3)
    with pytest.raises(TrainingError):
        training(Run())
    assert not training_folder(training.output).exists()


def test_an_interruption_before_a_checkpoint_leaves_nothing_but_what_was_there(train):
    training = train(steps=4, checkpoint_every=3)
    folder = training_folder(training.output)
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(KeyboardInterrupt):
        training(Run(observers=[Interrupt()]))
    assert files_of(training) == {"notes.txt"}


class Interrupt:
    def progressed(self, progress: Progress) -> None:
        raise KeyboardInterrupt


def test_a_start_over_never_goes_on_from_the_training_before(train, monkeypatch):
    train(steps=4, checkpoint_every=2, validate_every=2)(Run())
    again = train(steps=4, force=True)
    with pytest.raises(KeyboardInterrupt):
        again(Run(observers=[Interrupt()]))
    with pytest.raises(UsageError, match="leave out --resume to start over"):
        train(steps=4, resume=True)(Run())


def test_a_resumed_run_that_fails_keeps_its_checkpoint(train):
    train()(Run())
    with pytest.raises(KeyboardInterrupt):
        train(steps=4, resume=True)(Run(observers=[Interrupt()]))
    assert "checkpoint.pt" in files_of(train())


def test_all_that_a_training_writes_is_cleared(train, tmp_path):
    make_photographs(tmp_path / "photographs", count=12)
    training = train(validate_every=1)
    training(Run())
    folder = training_folder(training.output)
    assert len(files_of(training)) == 5
    clear_training(folder)
    assert not folder.exists()
    clear_training(folder)  # of which there is none


def test_tensorboard_logs_are_written_where_they_are_asked_for(train):
    pytest.importorskip("tensorboard")
    training = train(tensorboard=True)
    training(Run())
    assert any(name.startswith("events.out.tfevents") for name in files_of(training))


# It goes on.


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("options", [NARROW, CRITICAL])
def test_a_cancelled_run_resumes_to_the_result_of_an_unbroken_one(train, workers, step, options):
    train = partial(train, options={"johnson": options})
    whole = train(output="whole.safetensors", workers=workers, **FOUR)
    whole(Run())
    broken = train(output="broken.safetensors", workers=workers, **FOUR)
    run = Run()
    After(step, run)
    broken(run)
    assert (run.steps_done, run.stop_reason) == (step, "interrupted")
    assert read_header(broken.output).steps == step
    train(output="broken.safetensors", workers=workers, resume=True, **FOUR)(Run())
    assert read_header(broken.output).steps == 4
    assert_same_network(whole, broken)


KILLED = """
import os, signal, sys
from pathlib import Path
from small_training import make_training
from stylize import PluginHost
from stylize import Run

class Kill:
    def progressed(self, progress):
        if progress.step == 3:
            os.kill(os.getpid(), signal.SIGKILL)

folder, painting = map(Path, sys.argv[1:])
host = PluginHost.discover()
training = make_training(
    host, folder, painting, output="killed.safetensors", workers=1, steps=4, checkpoint_every=2
)
training(Run(observers=[Kill()]))
"""


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_result_of_an_unbroken_one(train, tmp_path, small_painting):
    whole = train(output="whole.safetensors", workers=1, **FOUR)
    whole(Run())
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, small_painting],
        cwd=Path(__file__).parent,
        check=False,
        capture_output=True,
    )
    assert ended.returncode == -9, ended.stderr
    killed = train(output="killed.safetensors", workers=1, resume=True, **FOUR)
    assert not killed.output.exists()
    run = Run()
    killed(run)
    assert run.steps_done == 4
    assert_same_network(whole, killed)


def test_metrics_after_a_break_are_those_of_an_unbroken_run(train):
    whole = train(output="whole.safetensors", **FOUR)
    whole(Run())
    broken = train(output="broken.safetensors", **FOUR)
    run = Run()
    After(3, run)
    broken(run)
    # As after a kill: rows written after the last checkpoint.
    with (training_folder(broken.output) / "metrics.csv").open("a") as file:
        file.write("4,training,style,99,1,1\n5,trai")
    train(output="broken.safetensors", resume=True, **FOUR)(Run())
    told = ("step", "kind", "term", "value")
    rows, expected = (
        [[row[name] for name in told] for row in metrics(training)] for training in (broken, whole)
    )
    assert rows == expected
    assert [row[0] for row in rows if row[2] == "style"] == ["1", "2", "3", "4"]


def test_more_steps_go_on_from_a_finished_run(train):
    train(steps=2)(Run())
    train(steps=3, resume=True)(Run())
    whole = train(steps=3, output="whole.safetensors")
    whole(Run())
    assert_same_network(train(steps=3), whole)


def test_resuming_a_finished_run_writes_the_model_again(train):
    training = train()
    training(Run())
    before = training.output.read_bytes()
    training.output.unlink()
    run = Run()
    train(resume=True)(run)
    assert training.output.read_bytes() == before
    assert run.steps_done == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"crop": 48}, "crop was 32 and is 48 now"),
        ({"settings": {"strength": 3}}, r"strength was 1\.0 and is 3\.0 now"),
        ({"settings": {"style_layers": "relu1_2"}}, "style_layers was"),
        ({"options": {"johnson": {"width": 12, "blocks": 1}}}, "network width was 8 and is 12"),
    ],
)
def test_resuming_with_other_settings_is_refused_with_what_differs(train, changed, said):
    train()(Run())
    with pytest.raises(UsageError, match=said):
        train(resume=True, **changed)(Run())


def test_resuming_on_other_photographs_is_refused(train, tmp_path):
    train()(Run())
    make_photographs(tmp_path / "photographs" / "others", count=1)
    with pytest.raises(UsageError, match="content pictures was 6 files"):
        train(resume=True)(Run())


def test_a_model_beside_the_photographs_does_not_become_one_of_them(train, tmp_path):
    """Its previews are pictures: a resumed run must not take them for new photographs."""
    make_photographs(tmp_path, count=12)
    train(data=tmp_path, steps=2)(Run())
    assert list(training_folder(tmp_path / "model.safetensors").glob("*.jpg"))
    run = Run()
    model = train(data=tmp_path, steps=3, resume=True)(run)
    assert (run.steps_done, model.header.pictures) == (3, 11)


def test_resuming_without_a_checkpoint_is_refused(train):
    with pytest.raises(UsageError, match=r"there is no .*checkpoint\.pt: leave out --resume"):
        train(resume=True)(Run())


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_damaged_checkpoint_is_refused(train, share):
    training = train()
    training(Run())
    path = training_folder(training.output) / "checkpoint.pt"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(TrainingError, match=r"is damaged .* start over with --force"):
        train(resume=True)(Run())


def test_init_starts_from_a_model_and_counts_its_steps(train):
    first = train(output="first.safetensors")
    first(Run())
    second = train(output="second.safetensors", init=first.output, steps=1, learning_rate=1e-12)
    header = second(Run()).header
    assert (header.steps, header.start, header.start_steps) == (3, "first", 2)
    assert read_header(first.output).start == ""
    before, after = tensors_of(first), tensors_of(second)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_broken_run_from_a_model_resumes_too(train):
    first = train(output="first.safetensors")
    first(Run())
    whole = train(output="whole.safetensors", init=first.output, **FOUR)
    whole(Run())
    broken = train(output="broken.safetensors", init=first.output, **FOUR)
    run = Run()
    After(3, run)
    broken(run)
    again = train(output="broken.safetensors", init=first.output, resume=True, **FOUR)
    model = again(Run())
    assert_same_network(whole, broken)
    assert (model.header.steps, model.header.start) == (2 + 4, "first")


def test_a_checkpoint_that_does_not_name_its_start_is_continued(train):
    """As those of earlier releases."""
    training = train()
    training(Run())
    path = training_folder(training.output) / "checkpoint.pt"
    saved = torch.load(path, weights_only=True)
    del saved["start"]
    torch.save(saved, path)
    assert train(steps=3, resume=True)(Run()).header.start is None


def test_init_from_another_network_names_the_setting(train):
    first = train(output="first.safetensors")
    first(Run())
    other = train(init=first.output, options={"johnson": {"width": 12, "blocks": 1}})
    with pytest.raises(ModelError, match=r"has width 8, this run 12: use --set johnson.width=8"):
        other(Run())


# It stops.


def test_a_time_limit_ends_training_with_checkpoint_and_model(train):
    training = train(steps=100_000)
    started = time.monotonic()
    run = Run(deadline=started + 3)
    training(run)
    assert time.monotonic() - started < 20
    assert run.stop_reason == "time"
    assert 0 < run.steps_done < 100_000
    assert read_header(training.output).steps == run.steps_done
    assert "checkpoint.pt" in files_of(training)


def spoil(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Make the loss of a step, counted from 1, NaN."""
    honest = JohnsonTask.loss
    seen = [0]

    def loss(task, network, batch):
        total, terms = honest(task, network, batch)
        seen[0] += 1
        return (total * float("nan") if seen[0] == step else total), terms

    monkeypatch.setattr(JohnsonTask, "loss", loss)


def test_a_loss_that_is_not_finite_stops_with_the_last_good_checkpoint(train, monkeypatch):
    spoil(monkeypatch, step=3)
    training = train(**FOUR)
    with pytest.raises(
        TrainingError, match=r"at step 3 .* the checkpoint of step 2 is kept: .* --learning-rate"
    ):
        training(Run())
    assert not training.output.exists()
    assert all(value.isfinite().all() for value in make_checkpoint_tensors(training).values())
    monkeypatch.undo()
    whole = train(output="whole.safetensors", **FOUR)
    whole(Run())
    train(resume=True, **FOUR)(Run())
    assert_same_network(whole, training)


def test_a_loss_that_is_not_finite_before_a_checkpoint_says_so(train, monkeypatch):
    spoil(monkeypatch, step=1)
    with pytest.raises(TrainingError, match=r"at step 1 .* no checkpoint was due yet"):
        train()(Run())


def test_a_full_disk_keeps_the_checkpoint_before(train, full_disk, monkeypatch):
    training = train(steps=2)
    training(Run())
    path = training_folder(training.output) / "checkpoint.pt"
    before = path.read_bytes()
    with full_disk(), pytest.raises(OutputError, match=r"checkpoint\.pt: .*free some space"):
        train(steps=4, resume=True)(Run())
    assert path.read_bytes() == before
    assert files_of(training) == {"checkpoint.pt", "metrics.csv", "preview.jpg"}
    train(steps=4, resume=True)(Run())
    whole = train(steps=4, output="whole.safetensors")
    whole(Run())
    assert_same_network(whole, training)


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk always full")


@FULL
def test_metrics_that_cannot_be_started_are_an_error_of_one_line(train):
    training = train()
    training(Run())
    path = training_folder(training.output) / "metrics.csv"
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"metrics\.csv: .*free some space, then --resume"):
        train(resume=True)(Run())


@FULL
def test_metrics_on_a_disk_that_becomes_full_are_an_error_of_one_line(train):
    training = train(**FOUR)
    path = training_folder(training.output) / "metrics.csv"
    run = Run()
    After(3, run, fill_disk_of(path))
    with pytest.raises(OutputError, match=r"metrics\.csv: .*free some space, then --resume"):
        training(run)
    assert make_checkpoint_tensors(training)


def fill_disk_of(path: Path) -> Callable[[], None]:
    """Return a context in which further writes to an open file fail, as on a full disk."""

    def fill() -> None:
        links = Path("/proc/self/fd").iterdir()
        (number,) = (int(link.name) for link in links if link.resolve() == path.resolve())
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, number)
        os.close(full)

    return fill


# Bad input.


def test_bad_photographs_are_told_of_once_and_training_goes_on(train, tmp_path):
    make_photographs(tmp_path / "photographs", count=3)
    (tmp_path / "photographs" / "bad.jpg").write_bytes(b"no picture")
    told: list[str] = []
    run = Run()
    train(told=told, steps=12)(run)
    assert run.steps_done == 12
    assert len(told) == 1
    assert "bad.jpg" in told[0]


def test_small_photographs_are_enlarged_which_is_said_once(train, tmp_path):
    make_photographs(tmp_path / "photographs", count=3, size=(40, 20))
    told: list[str] = []
    train(told=told, steps=3)(Run())
    (said,) = told
    assert "smaller than the crop of 32 and are enlarged: --small skip leaves them out" in said


def test_small_photographs_that_are_all_skipped_end_training(train, tmp_path):
    make_photographs(tmp_path / "photographs", count=3, size=(40, 20))
    with pytest.raises(TrainingError, match=r"40x20, smaller than the crop of 32"):
        train(small="skip")(Run())


@pytest.mark.parametrize("count", [3, 12])
def test_a_folder_of_broken_pictures_ends_training(train, tmp_path, count):
    """Some of the twelve are held out."""
    (tmp_path / "photographs").mkdir()
    for number in range(count):
        (tmp_path / "photographs" / f"{number:02}.jpg").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"none of .* the first: .*jpg"):
        train()(Run())


@pytest.mark.parametrize("colour", ["white", (12, 80, 200)])
def test_a_painting_of_a_single_colour_is_refused(train, tmp_path, colour):
    Image.new("RGB", (64, 64), colour).save(tmp_path / "blank.png")
    with pytest.raises(UsageError, match=r"blank\.png: is a single colour"):
        train(styles=[str(tmp_path / "blank.png")])(Run())


def test_a_backbone_whose_weights_are_not_there_is_named(train, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(WeightsUnavailableError, match="--weights"):
        train(settings={"backbone": "vgg19", "content_layers": None, "style_layers": None})(Run())
