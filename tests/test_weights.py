"""Weights: the order of their sources, and the messages if they are missing or wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from stylize import BackboneSpec, Kind, PluginHost, Weights, create_backbone, hookimpl
from stylize.building.weights import resolve_weights
from stylize.errors import UnknownNameError, WeightsError, WeightsUnavailableError


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


def vgg16_state(seed: int = 0) -> dict[str, torch.Tensor]:
    backbone = create_backbone("vgg16.random", seed=seed)
    assert isinstance(backbone, torch.nn.Module)
    state = backbone.state_dict()
    convolutions = [key for key in state if key.endswith("weight")]
    names = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    return {
        f"features.{index}.{part}": state[key.replace("weight", part)]
        for index, key in zip(names, convolutions, strict=True)
        for part in ("weight", "bias")
    }


def test_embedded_weights_are_the_default_and_need_no_network(empty_cache):
    backbone = create_backbone("vgg16")
    assert backbone(torch.rand(1, 3, 32, 32), ["conv1_1"])["conv1_1"].shape == (1, 64, 32, 32)


def test_weights_that_are_nowhere_name_every_remedy(empty_cache):
    with pytest.raises(WeightsUnavailableError) as caught:
        create_backbone("vgg19")
    message = str(caught.value)
    for words in ("vgg19.imagenet1k_v1", "connect", "--weights", "vgg16.oxford"):
        assert words in message
    assert caught.value.exit_code == 3


def test_a_failing_download_is_unavailable_and_not_a_crash(empty_cache, monkeypatch):
    monkeypatch.setenv("STYLIZE_OFFLINE", "0")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(WeightsUnavailableError, match="connect"):
        create_backbone("vgg16.imagenet1k_v1")


def test_the_cache_is_used_before_any_download(empty_cache):
    torch.save(vgg16_state(7), empty_cache / "vgg16-397923af.pth")
    cached = create_backbone("vgg16.imagenet1k_v1")
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(
        cached(image, ["relu2_1"])["relu2_1"].mean(),
        create_backbone("vgg16.random", seed=7)(image, ["relu2_1"])["relu2_1"].mean(),
    )


def test_random_weights_repeat_by_seed_and_leave_the_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    same, again, other = (
        create_backbone("vgg19.random", seed=seed)(image, ["conv2_1"])["conv2_1"]
        for seed in (3, 3, 4)
    )
    assert torch.equal(same, again)
    assert not torch.equal(same, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_file_from_the_user_comes_first(tmp_path):
    save_file(vgg16_state(7), tmp_path / "mine.safetensors")
    image = torch.rand(1, 3, 16, 16)
    mine = create_backbone("vgg16.imagenet1k_v1", weights=tmp_path / "mine.safetensors")
    random = create_backbone("vgg16.random", seed=7)
    torch.testing.assert_close(
        mine(image, ["conv1_1"])["conv1_1"], random(image, ["conv1_1"])["conv1_1"]
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b"not weights"), "corrupt"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1000]), "corrupt"),
        (lambda path: path.write_bytes(b""), "corrupt"),
        (lambda path: path.unlink(), "no such file"),
    ],
)
def test_a_damaged_or_missing_file_is_named(tmp_path, spoil, message):
    path = tmp_path / "mine.safetensors"
    save_file(vgg16_state(), path)
    spoil(path)
    with pytest.raises(WeightsError, match=message) as caught:
        create_backbone("vgg16", weights=path)
    assert str(path) in str(caught.value)


def test_a_pickle_with_code_is_never_run(tmp_path):
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "owned",))  # type: ignore[return-value]

    torch.save({"features.0.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError):
        create_backbone("vgg16", weights=tmp_path / "evil.pth")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("features.28.weight"), "features.28.weight is missing"),
        (
            lambda state: state.update({"features.0.weight": torch.zeros(64, 1, 3, 3)}),
            r"\(64, 1, 3, 3\).*needs \(64, 3, 3, 3\)",
        ),
        (
            lambda state: state.update({"features.0.bias": torch.full((64,), torch.nan)}),
            "NaN",
        ),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, change, message):
    state = vgg16_state()
    change(state)
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=message):
        create_backbone("vgg16", weights=tmp_path / "other.safetensors")


def test_an_unknown_tag_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean oxford"):
        create_backbone("vgg16.oxfrod")


def test_a_plugin_may_provide_weights():
    class Source:
        def load(self) -> Weights:
            return Weights("mirror", vgg16_state(9))

    class Plugin:
        STYLIZE_PLUGIN_API = 1

        @hookimpl
        def stylize_weights(self, backbone: str, tag: str) -> Source | None:
            return Source() if (backbone, tag) == ("vgg16", "mirrored") else None

    mine = PluginHost.discover(strict=True)
    mine.register(Plugin())
    spec = mine.get(Kind.BACKBONE, "vgg16")
    assert isinstance(spec, BackboneSpec)
    assert resolve_weights(mine, spec, "mirrored").load().name == "mirror"


def test_fingerprints_tell_weights_apart_and_ignore_their_order():
    state = vgg16_state()
    one = Weights("one", state)
    reordered = Weights("two", dict(reversed(state.items())))
    changed = Weights("three", {**state, "features.0.bias": torch.ones(64)})
    assert one.fingerprint == reordered.fingerprint != changed.fingerprint


def test_the_embedded_file_carries_its_licence_and_provenance():
    from importlib import resources

    from safetensors import safe_open

    path = resources.files("stylize_vgg") / "vgg16-oxford.safetensors"
    with safe_open(str(path), "pt") as opened:
        header = opened.metadata()
    assert header["license"] == "CC-BY-4.0"
    assert header["provenance"]
    assert all(value.dtype == torch.float16 for value in load_file(str(path)).values())
