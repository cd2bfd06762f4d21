"""Training adain: two streams, equations 10-12, variety that resumes, bad input."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from command import Command
from small_adain import SHALLOW, make_adain_training
from small_training import After, make_checkpoint_tensors, make_photographs
from stylize import (
    BuiltParts,
    PluginHost,
    Run,
    Stylizer,
    load_preset,
    make_plan,
    make_settings,
    read_header,
    training_folder,
)
from stylize.errors import ModelError, UnknownNameError, UsageError
from stylize_adain.statistics import EPSILON
from stylize_adain.task import AdainTask
from stylize_train.data import make_streams
from stylize_train.previews import CAPTION
from stylize_train.session import Training

VARIED = {"own_style": 0.5, "style_colors": 1.0, "style_mix": 1.0}
PLAIN = {"own_style": 0.0, "style_colors": 0.0, "style_mix": 0.0}


@pytest.fixture
def train(host: PluginHost, tmp_path: Path):
    """`make_adain_training` in the test's own folder."""

    def make(**values: object) -> Training:
        return make_adain_training(host, tmp_path, **values)

    return make


def same(one: Training, other: Training) -> bool:
    first, second = make_checkpoint_tensors(one), make_checkpoint_tensors(other)
    return all(torch.equal(first[name], second[name]) for name in first)


# The objective.


def make_task(host: PluginHost, **settings: object) -> AdainTask:
    values = {
        "method": "adain",
        "style_layers": "relu1_1,relu2_1=0.5",
        "precision": "float32",
        "device": "cpu",
        **settings,
    }
    values["options"] = {"adain": {**SHALLOW, **PLAIN}, **dict(values.get("options", {}))}  # type: ignore[call-overload]
    plan = make_plan(host, make_settings(values), training=True)
    parts = BuiltParts(host, plan)
    torch.manual_seed(0)
    task = parts.method.training_task([], parts, plan.settings.strength)  # type: ignore[attr-defined]
    assert isinstance(task, AdainTask)
    return task


def arrays(task: AdainTask, pictures: torch.Tensor) -> dict[str, np.ndarray]:
    with torch.no_grad():
        found = task.parts.features(pictures, ["relu1_1", "relu2_1"])
    return {layer: tensor.double().numpy() for layer, tensor in found.items()}


def mean_and_deviation(features: np.ndarray, epsilon: float = 0.0) -> tuple[np.ndarray, ...]:
    square = np.square(features).mean(axis=(1, 2, 3))[:, None]
    return features.mean(axis=(2, 3)), np.sqrt(features.var(axis=(2, 3)) + epsilon * square)


@pytest.mark.parametrize("form", ["norm", "squared"])
def test_the_objective_is_equations_8_to_12(host, form):
    """With the paper's balance; its norms are unsquared, but squared ones are available."""
    content_form = "norm" if form == "norm" else "sum"
    task = make_task(
        host,
        balance="paper",
        strength=3,
        options={"feature": {"form": content_form}, "moments": {"form": form}},
    )
    generator = torch.Generator().manual_seed(0)
    content, style = torch.rand(2, 2, 3, 32, 32, generator=generator)
    with torch.no_grad():
        total, terms = task.loss(task.network.eval(), {"content": content, "style": style})
        picture = task.preview(task.network, {"content": content, "style": style})
    f, s, g = (arrays(task, pictures) for pictures in (content, style, picture))

    def spread(values: np.ndarray) -> np.ndarray:
        return values[:, :, None, None]

    mean, deviation = mean_and_deviation(f["relu2_1"], EPSILON)
    style_mean, style_deviation = mean_and_deviation(s["relu2_1"], EPSILON)
    scaled = (f["relu2_1"] - spread(mean)) / spread(deviation)
    target = spread(style_deviation) * scaled + spread(style_mean)  # eq. 8, 9
    power = 1 if form == "norm" else 2
    expected = np.linalg.norm((g["relu2_1"] - target).reshape(2, -1), axis=1) ** power  # eq. 10
    np.testing.assert_allclose(terms["content"], expected, rtol=2e-3)
    expected_style = 0.0
    for layer, weight in {"relu1_1": 1.0, "relu2_1": 0.5}.items():  # eq. 11
        for one, other in zip(
            mean_and_deviation(g[layer]), mean_and_deviation(s[layer]), strict=True
        ):
            expected_style += weight * np.linalg.norm(one - other, axis=1) ** power
    np.testing.assert_allclose(terms["style"], 3 * expected_style, rtol=2e-3)  # eq. 12
    excess = (picture - picture.clamp(0, 1)).numpy()
    outside = np.square(excess).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(terms["range"], 100 * outside, rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(total, expected + 3 * expected_style + 100 * outside, rtol=2e-3)


def test_the_relative_balance_makes_terms_of_order_one(host):
    task = make_task(host)
    batch = {"content": torch.rand(2, 3, 32, 32), "style": torch.rand(2, 3, 32, 32)}
    with torch.no_grad():
        _, terms = task.loss(task.network.eval(), batch)
    assert 0.05 < terms["content"].mean() < 2
    assert 0.05 < terms["style"].mean() < 4


def test_styles_are_mixed_where_what_is_compared_are_sets(host):
    settings = {"style_loss": "nearest_neighbor", "options": {"adain": {**SHALLOW, **VARIED}}}
    task = make_task(host, **settings)
    batch = {"content": torch.rand(4, 3, 32, 32), "style": torch.rand(4, 3, 32, 32)}
    total, terms = task.loss(task.network.train(), batch)
    total.sum().backward()
    assert (terms["style"] > 0.01).all()
    assert all(p.grad.isfinite().all() for p in task.network.parameters() if p.grad is not None)


def test_pictures_that_take_their_own_style_have_their_own_features_as_target(host):
    task = make_task(host)
    photographs, paintings = torch.rand(2, 4, 3, 32, 32)
    targets = task._targets(photographs, paintings[1:], mix=False)
    features = task.parts.features(torch.cat([photographs, paintings]), ["relu1_1", "relu2_1"])
    torch.testing.assert_close(targets.features[0], features["relu2_1"][0], rtol=1e-3, atol=1e-3)
    means = targets.style["relu1_1"].values["mean"]
    expected = features["relu1_1"].mean(dim=(2, 3))[[0, 5, 6, 7]]
    torch.testing.assert_close(means, expected, rtol=1e-4, atol=1e-4)
    plain = task._targets(photographs, paintings, mix=False)
    torch.testing.assert_close(plain.features[1:], targets.features[1:], rtol=1e-4, atol=1e-3)


def test_content_is_compared_with_the_photograph_as_far_as_target_alpha_says(host):
    photographs, paintings = torch.rand(2, 2, 3, 32, 32)
    found = {}
    for alpha in (0.0, 0.25, 1.0):
        task = make_task(host, options={"adain": {**SHALLOW, **PLAIN, "target_alpha": alpha}})
        found[alpha] = task._targets(photographs, paintings, mix=False)
    own = task.parts.features(photographs, ["relu2_1"])["relu2_1"].float()
    given = found[1.0].features
    compared = {alpha: targets.content["relu2_1"] for alpha, targets in found.items()}
    torch.testing.assert_close(compared[0.0], own)
    torch.testing.assert_close(compared[1.0], given)
    torch.testing.assert_close(compared[0.25], own + 0.25 * (given - own))
    torch.testing.assert_close(found[0.25].features, given)  # what is decoded stays eq. 9's


@pytest.mark.parametrize("mix", [False, True])
def test_swapped_features_are_those_of_the_paintings_and_one_s_own_come_back(host, mix):
    network = {**SHALLOW, **VARIED, "transfer": "swap", "skips": "relu1_2", "skip_weight": 1.0}
    task = make_task(host, options={"adain": network})
    photographs, paintings = torch.rand(2, 4, 3, 32, 32)
    targets = task._targets(photographs, paintings[1:], mix=mix)
    layers = task.parts.features(
        torch.cat([photographs[:1], paintings[1:]]), ["relu2_1", "relu1_2"]
    )
    assert set(targets.content) == set(layers)
    torch.testing.assert_close(targets.content["relu2_1"][0], layers["relu2_1"][0].float())
    rows = layers["relu2_1"].permute(0, 2, 3, 1).flatten(1, 2)
    given = targets.content["relu2_1"].permute(0, 2, 3, 1).flatten(1, 2)
    distances = torch.cdist(given, rows, compute_mode="donot_use_mm_for_euclid_dist")
    found = (distances < 1e-3).any(dim=2).float().mean(dim=1)
    assert found[0] == 1
    if mix:  # each has some of another one's
        assert (found[1:] < 1).any()
    else:
        assert (found == 1).all()


def test_finer_layers_count_by_their_weight(host):
    batch = {"content": torch.rand(2, 3, 32, 32), "style": torch.rand(2, 3, 32, 32)}
    terms = []
    for weight in (0.0, 1.0, 3.0):
        network = {**SHALLOW, **PLAIN, "skips": "relu1_2", "skip_weight": weight}
        task = make_task(host, options={"adain": network})
        terms.append(task.loss(task.network.eval(), batch)[1]["content"])
    assert (terms[1] > terms[0] + 0.01).all()
    torch.testing.assert_close(terms[2] - terms[0], 3 * (terms[1] - terms[0]))


def test_only_pictures_with_their_own_style_are_compared_by_pixels_and_only_in_training(host):
    options = {"adain": {**SHALLOW, **PLAIN, "own_style": 0.5, "pixel_weight": 10.0}}
    task = make_task(host, options=options)
    batch = {"content": torch.rand(4, 3, 32, 32), "style": torch.rand(4, 3, 32, 32)}
    _, terms = task.loss(task.network.train(), batch)
    assert (terms["pixel"] > 0).tolist() == [True, True, False, False]
    assert "pixel" not in task.loss(task.network.eval(), batch)[1]


def test_a_share_of_less_than_one_picture_is_kept_over_many_batches(host):
    """0.2 of a batch of three is one picture in three batches out of five, not none."""
    options = {"adain": {**SHALLOW, **PLAIN, "own_style": 0.2, "pixel_weight": 10.0}}
    task = make_task(host, options=options)
    batch = {"content": torch.rand(3, 3, 16, 16), "style": torch.rand(3, 3, 16, 16)}
    steps = [task.loss(task.network.train(), batch)[1] for _ in range(50)]
    own = [int((terms["pixel"] > 0).sum()) if "pixel" in terms else 0 for terms in steps]
    assert set(own) == {0, 1}
    assert 20 <= sum(own) <= 40


def test_validation_draws_no_random_number(host):
    task = make_task(host, options={"adain": {**SHALLOW, **VARIED}})
    batch = {"content": torch.rand(2, 3, 32, 32), "style": torch.rand(2, 3, 32, 32)}
    state = torch.get_rng_state()
    _, first = task.loss(task.network.eval(), batch)
    assert torch.equal(state, torch.get_rng_state())
    _, second = task.loss(task.network, batch)
    assert torch.equal(first["style"], second["style"])


def test_moments_on_the_relu_layers_is_the_default_of_a_vgg(host):
    plan = make_plan(host, make_settings({"method": "adain"}), training=True)
    assert plan.style.spec.name == "moments"
    assert plan.style.layers == dict.fromkeys(["relu1_1", "relu2_1", "relu3_1", "relu4_1"], 1.0)
    own = make_settings({"method": "adain", "style_loss": "gram", "style_layers": "relu1_1"})
    plan = make_plan(host, own, training=True)
    assert (plan.style.spec.name, plan.style.layers) == ("gram", {"relu1_1": 1.0})
    thin = make_settings({"method": "adain", "backbone": "resnet50_thin"})
    plan = make_plan(host, thin, training=True)
    assert (plan.style.spec.name, plan.style.layers) == ("moments", None)
    johnson = make_plan(host, make_settings({"method": "johnson"}), training=True)
    assert johnson.style.spec.name == "gram"


# It trains.


def test_content_comes_back_where_all_take_their_own_style(train):
    losses = []

    class Recorder:
        def progressed(self, progress):
            losses.append(progress.losses["pixel"])

    options = {**PLAIN, "own_style": 1.0, "layer": "relu1_1", "width": 0.5}
    train(options=options, steps=60, learning_rate=0.001)(Run(observers=[Recorder()]))
    assert losses[-1] < 0.5 * losses[0]


def test_the_header_names_the_layer_and_the_losses(train):
    training = train(settings={"strength": 2}, options=VARIED, steps=1)
    model = training(Run(strength=2))
    header = read_header(training.output)
    assert model.header == header
    assert header.network == {
        "layer": "relu2_1",
        "width": 0.125,
        "enlarge": "nearest",
        "skips": "",
        "gain_limit": None,
        "transfer": "adain",
    }
    assert header.run["style_loss"] == "moments"
    assert header.run["style_layers"] == {"relu1_1": 1.0, "relu2_1": 1.0}
    assert header.run["options"]["adain"]["style_mix"] == 1.0
    assert (header.method, header.backbone, header.styles) == ("adain", "vgg16.oxford", ())


def test_a_default_layer_is_written_out_in_the_model(train):
    training = train(
        settings={"backbone": "resnet50_thin", "style_layers": None},
        options={"layer": "auto", "width": 0.02},
        steps=1,
    )
    training(Run())
    assert read_header(training.output).network["layer"] == "layer2.3"


@pytest.mark.parametrize(
    "network", [{}, {"gain_limit": 1.0}, {"transfer": "swap", "skips": "relu1_2"}]
)
def test_a_trained_model_restyles_as_it_was_previewed(train, host, network):
    """Applied to the same pictures, the model in float16 gives the task's result in float32."""
    training = train(steps=3, learning_rate=0.01, options=network)
    training(Run())
    values = {"model": str(training.output), "device": "cpu", "precision": "float32"}
    # A preview takes over the style in full, and is what the network makes.
    full = {"adain": {"palette": 0, "detail": 0}}
    stylizer = Stylizer(make_settings({**values, "options": full}), host)
    pictures = [
        Image.open(path).convert("RGB").crop((0, 0, 32, 32))
        for path in sorted((training.data).rglob("*.png"))[:2]
    ]
    made = stylizer(pictures[0], [pictures[1]]).shown
    options = {"adain": {**SHALLOW, **network}}
    task = make_task(host, style_layers="relu1_1,relu2_1", options=options)
    task.network.load_state_dict(make_checkpoint_tensors(training))
    content, style = (
        torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
        .view(1, 32, 32, 3)
        .permute(0, 3, 1, 2)
        .float()
        / 255
        for picture in pictures
    )
    with torch.no_grad():
        shown = task.preview(task.network.eval(), {"content": content, "style": style})
    assert (made - shown.clamp(0, 1)).abs().max() < 0.02


def test_held_out_photographs_are_shown_with_paintings_and_what_became_of_them(train, tmp_path):
    make_photographs(tmp_path / "photographs", count=20)
    training = train(steps=2, validate_every=2)
    training(Run())
    folder = training_folder(training.output)
    with Image.open(folder / "preview_000002.jpg") as preview:
        assert preview.size == (2 * 32, 3 * 32 + CAPTION)
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "validation"]
    assert {row["term"] for row in rows} == {"content", "style", "range"}


def test_paintings_are_framed_at_their_own_scales(train):
    training = train(zoom=1, style_zoom=3)
    files = {"content": ("a.png",), "style": ("b.png",)}
    data, shown, holds_out = make_streams(files, training.settings, 0, {})
    assert [data[name].settings.zoom for name in ("content", "style")] == [1, 3]
    assert [len(shown[name]) for name in ("content", "style")] == [1, 1]
    assert not holds_out


# It goes on.


@pytest.mark.parametrize("workers", [0, 1])
def test_a_cancelled_run_resumes_bit_for_bit_with_all_its_variety(train, workers):
    values = {"steps": 4, "batch": 4, "workers": workers, "options": VARIED}
    whole = train(output="whole.safetensors", **values)
    whole(Run())
    broken = train(output="broken.safetensors", **values)
    run = Run()
    After(2, run)
    broken(run)
    assert run.steps_done == 2
    train(output="broken.safetensors", resume=True, **values)(Run())
    assert same(whole, broken)
    plain = train(output="plain.safetensors", **{**values, "options": PLAIN})
    plain(Run())
    assert not same(whole, plain)


def test_another_seed_trains_another_network(train):
    trained = []
    for seed in (1, 2):
        training = train(output=f"{seed}.safetensors", settings={"seed": seed}, options=VARIED)
        training(Run(seed=seed))
        trained.append(training)
    assert not same(*trained)


def test_a_run_with_other_variety_is_not_resumed_but_may_start_from_the_model(train):
    first = train(options=VARIED)
    first(Run())
    with pytest.raises(UsageError, match=r"adain own_style was 0\.5 and is 0\.25 now"):
        train(options={**VARIED, "own_style": 0.25}, steps=3, resume=True)(Run())
    later = train(
        output="later.safetensors", options=PLAIN, crop=48, init=first.output, learning_rate=1e-9
    )
    later(Run())
    assert read_header(later.output).steps == 4
    before, after = make_checkpoint_tensors(first), make_checkpoint_tensors(later)
    assert all(torch.allclose(before[n], after[n], atol=2e-3) for n in before)


def test_a_decoder_may_go_on_to_learn_another_transform(train):
    first = train()
    first(Run())
    swap = {**SHALLOW, "transfer": "swap"}
    later = train(output="later.safetensors", options=swap, init=first.output, learning_rate=1e-9)
    later(Run())
    header = read_header(later.output)
    assert (header.network["transfer"], header.steps) == ("swap", 4)
    before, after = make_checkpoint_tensors(first), make_checkpoint_tensors(later)
    assert all(torch.allclose(before[n], after[n], atol=2e-3) for n in before)


def test_a_model_of_another_layer_is_not_started_from(train):
    first = train()
    first(Run())
    other = train(output="o.safetensors", options={"layer": "relu1_1"}, init=first.output)
    with pytest.raises(ModelError, match=r"has layer relu2_1, this run relu1_1: use --set adain"):
        other(Run())


# Presets.


@pytest.mark.parametrize("preset", ["adain_paper", "adain_quick", "adain_swap"])
def test_each_preset_trains_its_own_form(host, train, preset):
    """In small: with the embedded weights, two small steps and a narrow decoder."""
    settings = dict(load_preset(host, preset).settings)
    options = dict(settings.pop("options"))
    own = {**options.pop("adain"), "layer": "relu4_1", "width": 0.05}
    given = {**settings, "backbone": "vgg16.oxford", "options": options}
    training = train(settings=given, options=own)
    training(Run())
    header = read_header(training.output)
    paper = preset == "adain_paper"
    assert header.network["transfer"] == ("swap" if preset == "adain_swap" else "adain")
    assert header.network["skips"] == ("" if paper else "relu3_3,relu2_2")
    assert header.run.get("style_loss", "gram") == {
        "adain_paper": "moments", "adain_quick": "gram", "adain_swap": "nearest_neighbor",
    }[preset]  # fmt: skip
    if paper:  # eq. 10 to 12 and nothing else
        added = ("own_style", "skip_weight", "style_colors", "style_mix")
        assert {name: float(own[name]) for name in added} == dict.fromkeys(added, 0.0)
        assert (own["target_alpha"], own["gain_limit"]) == (1.0, "none")


# Bad input.


def test_a_layer_that_does_not_exist_is_refused(train):
    with pytest.raises(UnknownNameError, match="did you mean relu4_1"):
        train(options={"layer": "relu4_11"})(Run())


def test_a_layer_whose_features_are_not_of_its_declared_size_is_refused(train, monkeypatch):
    from stylize import LayerInfo
    from stylize_vgg.backbone import VGG

    honest = VGG.__init__

    def declare_wrongly(self, *arguments):
        honest(self, *arguments)
        self.layers = {**self.layers, "relu2_1": LayerInfo(128, 4, 4)}

    monkeypatch.setattr(VGG, "__init__", declare_wrongly)
    with pytest.raises(UsageError, match=r"relu2_1 of vgg16.* no decoder fits: choose another of"):
        train()(Run())


def test_content_layers_besides_the_encoder_s_are_refused(host):
    settings = make_settings({"method": "adain", "content_layers": "relu3_1"})
    with pytest.raises(UsageError, match=r"not at relu3_1: use --set adain\.layer=LAYER"):
        make_plan(host, settings, training=True)


LINE = (
    "train", "adain", "--data", "photographs", "-o", "m.safetensors",
    "--set", "adain.layer=relu2_1", "--set", "adain.width=0.125", "--style-layers", "relu1_1",
    "--precision", "float32", "--device", "cpu", "--crop", "32", "--batch", "1",
    "--workers", "0", "--steps", "2",
)  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "adain learns to take any painting: give --styles with a folder of many"),
        (("--style", "painting.png"), "give --styles with a folder of many"),
        (("--styles", "none"), "--styles none: is no folder"),
        (("--styles", "empty"), "--styles empty: no pictures in it"),
        (("--styles", "painting.png"), "--styles painting.png: is no folder"),
        (("--styles", "photographs", "--set", "adain.own_style=2"), "own_style"),
        (
            (
                "--styles",
                "photographs",
                "--set",
                "adain.transfer=swap",
                "--set",
                "adain.gain_limit=2",
            ),
            "adain.gain_limit bounds the gain of adain.transfer=adain only: leave it out",
        ),
        (("--styles", "photographs", "--set", "adain.layer=relu9_9"), "did you mean relu5_3"),
        (("--styles", "photographs", "--style-zoom", "0.5"), "style_zoom is '0.5'"),
        (("--styles", "photographs", "--alpha", "0.5"), "alpha"),
    ],
)
def test_wrong_trainings_are_refused_in_one_line(command: Command, arguments, said):
    make_photographs(command.folder / "photographs", count=2)
    (command.folder / "empty").mkdir()
    outcome = command(*LINE, *arguments)
    assert outcome.code == 2
    assert said in outcome.err
    assert not (command.folder / "m.safetensors").exists()


def test_a_model_trained_by_the_command_takes_a_painting(command: Command):
    make_photographs(command.folder / "photographs", count=2)
    outcome = command(*LINE, "--styles", "photographs")
    assert outcome.code == 0, outcome.err
    made = command(
        "photo.png", "painting.png", "--method", "adain", "--model", "m.safetensors", "-o",
        "out.png", "--device", "cpu", "--precision", "float32",
    )  # fmt: skip
    assert made.code == 0, made.err
    with Image.open(command.folder / "out.png") as picture:
        assert picture.size == (48, 36)
