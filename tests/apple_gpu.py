"""A device for tests that lacks what GPUs of Apple lack: float64, and eigenvalues.

Its tensors hold theirs on the CPU, and are computed there. It is called "lazy", a device of torch
that needs no driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _disable_current_modes,
    return_and_correct_aliasing,
)
from torch.utils._pytree import tree_flatten, tree_map_only

from stylize.building import weights
from stylize.contract.weights import Weights
from stylize.modelfile import ModelFile

__all__ = ["apple_gpu"]

GPU = torch.device("lazy")


class _OnGpu(Tensor):
    """A tensor on the device; `held` is what it holds."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> _OnGpu:
        made: _OnGpu = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=GPU,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        return _compute(func, args, kwargs or {})

    def tolist(self) -> Any:
        return self.held.tolist()

    def __repr__(self) -> str:
        return f"_OnGpu({self.held!r})"


class _Gpu(TorchDispatchMode):
    """Makes the tensors that are asked of the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        return _compute(func, args, kwargs or {})


def _compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute an operation, and raise as torch does for what the device lacks."""
    leaves = _leaves((args, kwargs))
    asked = [leaf for leaf in leaves if isinstance(leaf, torch.device)]
    there = GPU in asked if asked else any(isinstance(leaf, _OnGpu) for leaf in leaves)
    if there and "linalg_eigh" in str(func):
        raise NotImplementedError(f"The operator '{func}' is not implemented for the MPS device.")
    inner = tree_map_only(torch.device, lambda _: torch.device("cpu"), (args, kwargs))
    inner_args, inner_kwargs = tree_map_only(_OnGpu, lambda tensor: tensor.held, inner)
    result = func(*inner_args, **inner_kwargs)
    if not there:
        return return_and_correct_aliasing(func, args, kwargs, result)
    if any(isinstance(leaf, Tensor) and leaf.dtype == torch.float64 for leaf in _leaves(result)):
        raise TypeError(
            "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support "
            "float64. Please use float32 instead."
        )
    return return_and_correct_aliasing(func, args, kwargs, tree_map_only(Tensor, _OnGpu, result))


def _leaves(tree: Any) -> list[Any]:
    leaves, _ = tree_flatten(tree)
    return leaves


def _outside(read: Callable[..., Any]) -> Callable[..., Any]:
    """Return what reads files and bytes as it does elsewhere: they ask torch for bare storage."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with _disable_current_modes():
            return read(*args, **kwargs)

    return wrapped


def _tensor(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return `torch.tensor`, which asks no mode."""

    def wrapped(data: Any, *, device: Any = None, **options: Any) -> Tensor:
        return make(data, **options).to(device or "cpu")

    return wrapped


@contextmanager
def apple_gpu() -> Iterator[str]:
    """Have such a device; give its name."""
    with pytest.MonkeyPatch.context() as patch, _Gpu():
        for place, name in (
            (weights, "read_tensors"),
            (ModelFile, "_load"),
            (Weights.fingerprint, "func"),
        ):
            patch.setattr(place, name, _outside(getattr(place, name)))
        patch.setattr(torch, "tensor", _tensor(torch.tensor))
        yield GPU.type
