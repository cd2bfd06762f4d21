"""The promises of every method that trains a network."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from stylize.building.parts import BuiltParts
from stylize.contract.parts import StyleImage
from stylize.contract.run import Run
from stylize.making.offers import TrainableMethod, TrainingTask
from stylize.modelfile import MODEL_SCHEMA, ModelHeader, write_model
from stylize.models.applying import TRAINED
from stylize.pictures.tensors import resize
from stylize.planning.planning import make_plan
from stylize.testing.method import MethodContract
from stylize.testing.pictures import image_pair
from stylize.testing.watching import Made

__all__ = ["TrainableContract"]

SIDE = 64
STEPS = 2


@dataclass(frozen=True)
class _Trained:
    """A model file after a few steps, and a folder with the same lifetime."""

    folder: tempfile.TemporaryDirectory[str]
    path: Path


class TrainableContract(MethodContract):
    """A method that trains a network: every weight learns, and the trained model makes pictures.

    It trains for two steps, as `stylize train` does, and then runs the tests of `MethodContract`
    on the method with that model.

    Attributes:
        training_settings: run settings of the training, such as `{"style_layers": "relu1_1"}`.
    """

    training_settings: ClassVar[Mapping[str, Any]] = {}

    @property
    def key(self) -> object:
        return super().key, repr(self.training_settings), "trainable"

    def _build_parts(self) -> BuiltParts:
        trained: _Trained = self.once("trained", self.key, self._train)
        with self.calls("building a run with the model that it trained"):
            given = {"model": str(trained.path), **self.run_settings}
            return BuiltParts(self.host, make_plan(self.host, self.chosen(given)))

    @property
    def training_parts(self) -> BuiltParts:
        """The parts that the method trains with."""
        return self.once("training parts", self.key, self._build_training_parts)

    def _build_training_parts(self) -> BuiltParts:
        with self.calls("building a training with it"):
            settings = self.chosen(self.training_settings)
            return BuiltParts(self.host, make_plan(self.host, settings, training=True))

    @property
    def trainable(self) -> TrainableMethod:
        """The method, without a model."""
        method = self.training_parts.method
        self.require(
            isinstance(method, TrainableMethod),
            f"its factory returns {type(method).__name__}, which lacks training_task or "
            f"network_settings",
            "implement stylize.TrainableMethod, or declare trainable=False",
        )
        assert isinstance(method, TrainableMethod)
        return method

    def task(self, seed: int = 0) -> TrainingTask:
        """Return a new training for the painting, or for any if the method takes paintings."""
        _, painting = image_pair(SIDE)
        styles = [] if self.spec.needs_style else [StyleImage(painting.clone())]
        with torch.random.fork_rng(devices=[]), self.calls("training_task(styles, parts, 1.0)"):
            torch.manual_seed(seed)
            task: TrainingTask = self.trainable.training_task(styles, self.training_parts, 1.0)
        self.require(
            isinstance(getattr(task, "network", None), torch.nn.Module),
            "its task has no network",
            "keep the torch.nn.Module to train in `network`",
        )
        return task

    def batch(self) -> dict[str, Tensor]:
        """Return two photographs (2, 3, S, S), and two paintings if they are data."""
        named = zip(("content", "style"), image_pair(SIDE), strict=True)
        squares = {name: resize(image, (SIDE, SIDE)).clamp(0, 1) for name, image in named}
        if not self.spec.needs_style:
            del squares["style"]
        return {name: torch.cat([image, image.flip(3)]) for name, image in squares.items()}

    def loss(self, task: TrainingTask) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Return a task's objective for the batch and its terms, with fixed random numbers."""
        with torch.random.fork_rng(devices=[]), self.calls("loss(network, batch)"):
            torch.manual_seed(0)
            return task.loss(task.network, self.batch())

    def _train(self) -> _Trained:
        task = self.task()
        optimizer = torch.optim.Adam(task.network.parameters(), 1e-3)
        task.network.train()
        for _ in range(STEPS):
            total, _ = self.loss(task)
            optimizer.zero_grad(set_to_none=True)
            with self.calls("the gradient of its loss"):
                total.mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        folder = tempfile.TemporaryDirectory()
        path = Path(folder.name) / f"{self.spec.name}.safetensors"
        with self.calls("writing its model"):
            write_model(path, self._header(), task.network.state_dict())
        return _Trained(folder, path)

    def _header(self) -> ModelHeader:
        plan = make_plan(self.host, self.chosen(self.training_settings), training=True)
        changed = plan.settings.model_dump(mode="json", exclude_defaults=True)
        tags = [plan.weights_tag, *(weights.tag for weights in plan.backbone.weights)]
        tag = next((tag for tag in tags if tag), None)
        return ModelHeader(
            schema_version=MODEL_SCHEMA,
            method=plan.method.name,
            network=dict(self.trainable.network_settings()),
            backbone=f"{plan.backbone.name}.{tag}" if tag else plan.backbone.name,
            weights=self.training_parts.weights.fingerprint,
            run={k: v for k, v in changed.items() if k in (*TRAINED, "options")},
            training={},
            pictures=2,
            steps=STEPS,
        )

    def _make_plain(self) -> Made:
        self.make(Run(quality="draft"))  # building the network may draw random numbers
        return super()._make_plain()

    def test_is_declared_as_trainable(self) -> None:
        self.require(
            self.spec.trainable,
            "it is declared with trainable=False",
            "declare trainable=True, or test it with a MethodContract",
        )
        assert self.trainable

    def test_network_settings_are_its_own(self) -> None:
        settings = dict(self.trainable.network_settings())
        parsed = self.parsed_settings
        fields = set(type(parsed).model_fields) if parsed else set()
        self.require(
            settings.keys() <= fields,
            f"network_settings has {', '.join(sorted(settings.keys() - fields))}, which the "
            f"method's settings have not",
            "return those of the method's settings that shape the network",
        )
        with self.calls("writing network_settings as JSON"):
            again = json.loads(json.dumps(settings))
            self.host.make_settings(self.spec, again)

    def test_the_loss_is_a_number_a_sample(self) -> None:
        total, terms = self.loss(self.task())
        shapes = {"the loss": total, **{f"term {name}": term for name, term in terms.items()}}
        for name, found in shapes.items():
            self.require(
                isinstance(found, Tensor) and found.shape == (2,) and found.isfinite().all(),
                f"{name} of two photographs is "
                + (f"{tuple(found.shape)}" if isinstance(found, Tensor) else repr(found)),
                "return (N,) finite numbers: reduce over the dimensions of one sample only",
            )
        attached = [name for name, term in terms.items() if term.requires_grad]
        self.require(not attached, f"terms {attached} keep their graph", "detach() the terms")

    def test_every_weight_learns(self) -> None:
        task = self.task()
        total, _ = self.loss(task)
        self.require(
            total.requires_grad,
            "no gradient reaches the network",
            "call the network that `loss` is given, without no_grad or detach",
        )
        total.mean().backward()  # type: ignore[no-untyped-call]
        for name, parameter in task.network.named_parameters():
            self.require(
                not parameter.requires_grad or parameter.grad is not None,
                f"no gradient reaches {name}",
                "use every weight, or freeze it (requires_grad_(False)): several devices cannot "
                "train a network with unused parts",
            )
            self.require(
                parameter.grad is None or parameter.grad.isfinite().all(),
                f"the gradient of {name} is not finite",
                "guard divisions, roots and logarithms",
            )

    def test_training_repeats(self) -> None:
        one, other = (self.loss(self.task())[0] for _ in range(2))
        self.require(
            torch.equal(one, other),
            "two trainings of one seed begin with different losses",
            "draw random numbers from torch's own generator, which `stylize train` seeds",
        )

    def test_what_it_learns_besides_survives_a_checkpoint(self) -> None:
        first: Any = self.task()
        other: Any = self.task(seed=1)
        if not hasattr(first, "state"):
            return
        self.loss(first)
        with self.calls("state(), a checkpoint of it, and load_state(state)"):
            kept = BytesIO()
            torch.save(first.state(), kept)
            kept.seek(0)
            other.load_state(torch.load(kept, weights_only=True))
            again = BytesIO()
            torch.save(other.state(), again)
        self.require(
            kept.getvalue() == again.getvalue(),
            "load_state leaves another state than it was given",
            "load all that state() returns",
        )

    def test_previews_are_pictures(self) -> None:
        task, batch = self.task(), self.batch()
        with torch.no_grad(), self.calls("preview(network, batch)"):
            shown: object = task.preview(task.network, batch)
        self.require(
            isinstance(shown, Tensor)
            and shown.shape == batch["content"].shape
            and bool(shown.isfinite().all()),
            f"a preview of {tuple(batch['content'].shape)} is "
            + (f"{tuple(shown.shape)}" if isinstance(shown, Tensor) else type(shown).__name__),
            "return finite pictures of the photographs' size",
        )

    def test_starts_from_a_model(self) -> None:
        first, other = self.task(), self.task(seed=1)
        tensors = {name: value.clone() for name, value in first.network.state_dict().items()}
        with self.calls("start_from(tensors, same_styles=True)"):
            other.start_from(tensors, same_styles=True)
        found = other.network.state_dict()
        self.require(
            all(torch.equal(found[name], value) for name, value in tensors.items()),
            "start_from leaves the network another than the model's",
            "load_state_dict the tensors",
        )
        try:
            other.start_from({}, same_styles=True)
        except RuntimeError:
            return
        self.require(
            False,
            "start_from takes the tensors of another network",
            "let load_state_dict raise its RuntimeError",
        )
