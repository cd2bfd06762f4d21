"""What parts gave first: whether it is sound is kept on the device, and asked for once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylize.contract.settings import short
from stylize.errors import PluginError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FirstLooks", "note_finite", "require_tensor"]


class FirstLooks:
    """What the parts of a run gave first, of which it is not asked yet whether it is sound."""

    def __init__(self) -> None:
        self._flags: list[tuple[str, Tensor]] = []

    def note(self, fault: str, sound: Tensor) -> None:
        """Keep a boolean tensor of one value, which says False where the fault is there."""
        self._flags.append((fault, sound))

    def settle(self) -> None:
        """Ask for all at once. Raises: PluginError for the first fault."""
        import torch

        flags, self._flags = self._flags, []
        if not flags:
            return
        sound = torch.stack([flag.to(flags[0][1].device) for _, flag in flags]).tolist()
        for (fault, _), fine in zip(flags, sound, strict=True):
            if not fine:
                raise PluginError(fault)


def note_finite(looks: FirstLooks, what: str, found: Tensor, *given: Tensor) -> None:
    """Note whether what came of finite values is finite."""
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
