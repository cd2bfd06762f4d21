"""Files of tensors: what a safetensors file holds, read without torch, and the tensors themselves.

PyTorch's own files are read too, without running code.
"""

from __future__ import annotations

import json
import re
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylize.errors import WeightsError

if TYPE_CHECKING:
    import torch

__all__ = [
    "TensorList",
    "hold_same_tensors",
    "is_pytorch",
    "list_tensors",
    "read_tensors",
    "unreadable",
]

# Limit of a safetensors header: ours come nowhere near it, and a wrong file could claim anything.
LONGEST_HEADER = 10_000_000
# How PyTorch's files begin: today's are zip archives, and older ones pickles.
PYTORCH = (b"PK", b"\x80\x02")
# How PyTorch names what it does not read, as it is no tensor.
FOREIGN = re.compile(r"GLOBAL (\S+) was not an allowed global")


@dataclass(frozen=True)
class TensorList:
    """What a safetensors file says that it holds.

    Args:
        metadata: texts about the tensors as a whole.
        places: where the bytes of each tensor begin and end in the file, by name.
        forms: type and shape of each tensor, by name.
    """

    metadata: Mapping[str, str]
    places: Mapping[str, tuple[int, int]]
    forms: Mapping[str, tuple[str, tuple[int, ...]]]


def is_pytorch(path: Path) -> bool:
    """Whether a file begins as PyTorch's own do. Raises: OSError."""
    with path.open("rb") as file:
        return file.read(2) in PYTORCH


def list_tensors(path: Path) -> TensorList:
    """Read the header of a safetensors file.

    Raises: OSError; ValueError, which says what is wrong, for any other file or one cut short.
    """
    with path.open("rb") as file:
        first = file.read(8)
        if len(first) < 8:
            raise ValueError(f"it has {len(first)} bytes, and no header")
        (length,) = struct.unpack("<Q", first)
        if length > LONGEST_HEADER:
            raise ValueError(f"its header claims {length:,} bytes")
        try:
            listed = json.loads(file.read(length))
        except RecursionError as error:
            raise ValueError("its header is nested too deeply") from error
        except ValueError as error:
            raise ValueError("its header is no JSON") from error
        held = file.seek(0, 2) - 8 - length
    if not isinstance(listed, dict):
        raise ValueError("its header is no JSON object")
    metadata = listed.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its metadata are no texts")
    begins = 8 + length
    try:
        ends = {name: entry["data_offsets"] for name, entry in listed.items()}
        places = {name: (begins + start, begins + end) for name, (start, end) in ends.items()}
        forms = {name: (entry["dtype"], tuple(entry["shape"])) for name, entry in listed.items()}
        needed = max((end - begins for _, end in places.values()), default=0)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError("its list of tensors makes no sense") from error
    if held < needed:
        raise ValueError(f"it has {held:,} of {needed:,} bytes of tensors")
    return TensorList(metadata, places, forms)


def hold_same_tensors(one: Path, other: Path) -> bool:
    """Whether two safetensors files hold the same tensors, byte for byte, in whatever order.

    Raises: OSError, ValueError.
    """
    ours, theirs = list_tensors(one), list_tensors(other)
    if ours.forms != theirs.forms:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        for name, (start, end) in ours.places.items():
            first.seek(start)
            second.seek(theirs.places[name][0])
            if first.read(end - start) != second.read(end - start):
                return False
    return True


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], Mapping[str, str]]:
    """Return the tensors of a weights file by name, with its metadata; PyTorch's files have none.

    Raises: WeightsError if it is damaged, or neither safetensors nor a plain state dict.
    """
    from safetensors import SafetensorError, safe_open

    try:
        if is_pytorch(path):
            return _load_pytorch(path), {}
        with safe_open(path, framework="pt") as opened:
            return {k: opened.get_tensor(k) for k in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise unreadable(path, error) from error


def _load_pytorch(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a PyTorch file by name. Raises: OSError; WeightsError."""
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):  # which ask to report a damaged file
            loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # of whatever type, as the bytes of a damaged file may mean anything
        # PyTorch's own words advise to read the file less safely.
        if found := FOREIGN.search(str(error)):
            raise WeightsError(
                f"weights file {path} holds {found[1]}, and only tensors are read, as anything "
                f"else may run code: save its state dict, with torch.save(network.state_dict(), "
                f"FILE)"
            ) from error
        raise unreadable(path, "PyTorch cannot decode it") from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    tensors = state.items() if isinstance(state, dict) else ()
    return {k: v for k, v in tensors if isinstance(v, torch.Tensor)}


def unreadable(path: Path, reason: Exception | str) -> WeightsError:
    """Return what is said of a weights file that cannot be read."""
    return WeightsError(
        f"weights file {path} cannot be read ({reason}): it is corrupt or neither safetensors "
        f"nor a plain PyTorch state dict; get it again"
    )
