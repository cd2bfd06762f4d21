"""Export of trained models as ONNX, for programs without PyTorch: convert, compare, write."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from stylize import (
    MODEL_KEY,
    Axis,
    BuiltParts,
    ExportableMethod,
    ExportModule,
    ModelFile,
    make_plan,
    make_settings,
)
from stylize.command import import_extra, write_file
from stylize.errors import ExportError, OutputError, UsageError

if TYPE_CHECKING:
    from stylize import PluginHost

__all__ = ["Converted", "Exported", "convert_module", "export_model", "export_modules"]

# Largest accepted difference of an output in float32, divided by its largest value if that is
# above 1. The order of sums differs between runtimes.
LIMIT = 1e-3
PURPOSE = "stylize models export"
# torch.export requires a bound.
LARGEST = 2**20


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Args:
        size: size in bytes.
        takes: its inputs, in words.
        differences: largest difference from PyTorch's output, divided by its largest value if that
            is above 1, by the shapes of the inputs.
    """

    path: Path
    size: int
    takes: str
    differences: Mapping[str, float]


@dataclass(frozen=True)
class Converted:
    """A network as ONNX, not yet written.

    Args:
        data: the ONNX file's bytes.
        differences: as in `Exported`.
    """

    name: str
    module: ExportModule
    data: bytes
    differences: Mapping[str, float]


def export_model(
    host: PluginHost, model: ModelFile, output: Path, *, force: bool = False
) -> list[Exported]:
    """Write a model's networks as ONNX files, all of them or none.

    A method with one network writes `output`; one with several adds their names to `output`.
    The model's header goes into the metadata of the files, under the same key as in model files.

    Args:
        output: a name that ends in .onnx.
        force: replace existing files.

    Raises: as `export_modules` and `convert_module`; OutputError.
    """
    modules = export_modules(host, model)
    paths = {
        name: output if len(modules) == 1 else output.with_stem(f"{output.stem}_{name}")
        for name in modules
    }
    if not force and (there := [path for path in paths.values() if path.exists()]):
        raise OutputError(f"{there[0]}: exists: choose another name, or replace it with --force")
    converted = [convert_module(model, name, module) for name, module in modules.items()]
    for one in converted:
        write_file(paths[one.name], one.data, force=force)
    return [
        Exported(paths[one.name], len(one.data), _describe(one.module), one.differences)
        for one in converted
    ]


def export_modules(host: PluginHost, model: ModelFile) -> Mapping[str, ExportModule]:
    """Return the networks that apply a model, by name.

    Raises: ExtraMissingError; UsageError for a method that exports nothing; ModelError.
    """
    for package in ("onnx", "onnxruntime", "onnxscript"):
        import_extra(package, "export", PURPOSE)
    plan = make_plan(
        host, make_settings({"model": str(model.path), "device": "cpu", "precision": "float32"})
    )
    parts = BuiltParts(host, plan)
    if not isinstance(parts.method, ExportableMethod):
        raise UsageError(f"models of method {plan.method.name} cannot be exported: use another")
    return parts.method.export_modules(parts)


def convert_module(model: ModelFile, name: str, module: ExportModule) -> Converted:
    """Convert a network of a model to ONNX, and compare it with PyTorch.

    Raises: ExtraMissingError; ExportError if ONNX cannot express it or computes something else.
    """
    onnx = import_extra("onnx", "export", PURPOSE)
    runtime = import_extra("onnxruntime", "export", PURPOSE)
    program = _convert(name, module)
    _tidy(program, module)
    onnx.helper.set_model_props(program, {MODEL_KEY: model.header.model_dump_json()})
    data = program.SerializeToString()
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return Converted(name, module, data, _compare(name, module, session))


def _convert(name: str, module: ExportModule) -> Any:
    """Return a network as an onnx.ModelProto. Raises: ExportError."""
    sizes = {axis.name: _dimension(axis) for axes in module.axes.values() for axis in axes.values()}
    shapes = tuple(
        {place: sizes[axis.name] for place, axis in module.axes.get(given, {}).items()}
        for given in module.inputs
    )
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module.module,
                tuple(module.inputs.values()),
                dynamo=True,
                input_names=list(module.inputs),
                output_names=[module.output],
                dynamic_shapes=shapes,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ExportError(
            f"{name}: cannot be expressed in ONNX ({str(error).splitlines()[0]}): --debug shows why"
        ) from error
    assert program is not None
    return program.model_proto


def _dimension(axis: Axis) -> Any:
    if axis.step == 1:
        return torch.export.Dim(axis.name, min=axis.least, max=LARGEST)
    least = math.ceil(axis.least / axis.step)
    return axis.step * torch.export.Dim(_free(axis), min=least, max=LARGEST // axis.step)


def _free(axis: Axis) -> str:
    """Return the name of an axis's size divided by its step."""
    return f"{axis.name}_steps"


def _tidy(program: Any, module: ExportModule) -> None:
    """Name variable sizes, and remove the exporter's notes: stack traces, with paths."""
    names = {
        f"{axis.step}*{_free(axis)}": axis.name
        for axes in module.axes.values()
        for axis in axes.values()
    }
    graph = program.graph
    for value in (*graph.input, *graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param in names:
                dimension.dim_param = names[dimension.dim_param]
    del graph.value_info[:]
    for noted in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del noted.metadata_props[:]
        noted.doc_string = ""


def _describe(module: ExportModule) -> str:
    """Describe the inputs: "photograph (1, 3, height, width), height in steps of 4 from 24"."""
    parts: dict[str, None] = {}
    for key, example in module.inputs.items():
        axes = module.axes.get(key, {})
        shape = [axes[n].name if n in axes else str(side) for n, side in enumerate(example.shape)]
        parts[f"{key} ({', '.join(shape)})"] = None
        steps = (
            f"{a.name} in steps of {a.step} from {a.least}" for a in axes.values() if a.step > 1
        )
        parts.update((each, None) for each in steps)
    return ", ".join(parts)


def _compare(name: str, module: ExportModule, session: Any) -> dict[str, float]:
    """Return the largest output difference at two sizes, by shapes. Raises: ExportError."""
    differences: dict[str, float] = {}
    for inputs in (module.inputs, _larger(module)):
        with torch.no_grad():
            expected = module.module(*inputs.values())
        (given,) = session.run(None, {key: value.numpy() for key, value in inputs.items()})
        shapes = ", ".join("x".join(map(str, value.shape)) for value in inputs.values())
        if tuple(given.shape) != tuple(expected.shape):
            raise ExportError(
                f"{name}: gives {tuple(given.shape)} in ONNX but {tuple(expected.shape)} in "
                f"PyTorch, for inputs of {shapes}: nothing was written"
            )
        size = max(1.0, expected.abs().max().item())
        difference = (torch.from_numpy(given) - expected).abs().max().item() / size
        if not difference <= LIMIT:
            raise ExportError(
                f"{name}: differs by {difference:.2g} from PyTorch, for inputs of {shapes}, more "
                f"than {LIMIT:g}: nothing was written"
            )
        differences[shapes] = difference
    return differences


def _larger(module: ExportModule) -> dict[str, Tensor]:
    """Return random inputs larger than the examples, by a number of steps of its own per axis."""
    names = dict.fromkeys(a.name for axes in module.axes.values() for a in axes.values())
    more = {name: 5 + 4 * number for number, name in enumerate(names)}
    generator = torch.Generator().manual_seed(0)
    inputs: dict[str, Tensor] = {}
    for key, example in module.inputs.items():
        shape = list(example.shape)
        for place, axis in module.axes.get(key, {}).items():
            shape[place] += axis.step * more[axis.name]
        inputs[key] = torch.rand(shape, generator=generator)
    return inputs


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's own messages off the terminal."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
