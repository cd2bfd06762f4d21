"""Checks of the parts' first results: their outcomes stay on the device, and are read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylize.contract.settings import short
from stylize.errors import PluginError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FirstLooks", "note_finite", "require_tensor"]


class FirstLooks:
    """Outcomes of checks of the parts' first results in a run, not read yet."""

    def __init__(self) -> None:
        self._flags: list[tuple[str, Tensor]] = []

    def note(self, fault: str, sound: Tensor) -> None:
        """Keep a boolean tensor of one value, which is False if there is this fault."""
        self._flags.append((fault, sound))

    def settle(self) -> None:
        """Read all outcomes at once. Raises: PluginError for the first fault."""
        import torch

        flags, self._flags = self._flags, []
        if not flags:
            return
        sound = torch.stack([flag.to(flags[0][1].device) for _, flag in flags]).tolist()
        for (fault, _), fine in zip(flags, sound, strict=True):
            if not fine:
                raise PluginError(fault)


def note_finite(looks: FirstLooks, what: str, found: Tensor, *given: Tensor) -> None:
    """Note whether a result of finite values is finite."""
    finite = found.detach().isfinite().all()
    for each in given:
        finite = finite | ~each.detach().isfinite().all()
    looks.note(
        f"{what} gives is not finite, of values that are: try --precision float32, or report it to "
        f"its author",
        finite,
    )


def require_tensor(title: str, what: str, found: object) -> None:
    from torch import Tensor

    if not isinstance(found, Tensor):
        raise PluginError(f"{title}: {what} gives {short(found)}, not a tensor")
