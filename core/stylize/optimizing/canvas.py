"""The picture as the optimiser sees it: a linear, well-conditioned change of a start image."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Canvas"]

# Keeps the weight of the mean (frequency zero) finite; in cycles per pixel.
LOWEST = 0.01


class Canvas:
    """image = start + gain * IFFT(|f|^-whiten FFT(u)), where u is optimised.

    Gradients of network features are far larger at high frequencies than the changes that help;
    the filter evens them out, as a preconditioner would. With `whiten` 0, u is the change of the
    pixels itself. The first step of torch's L-BFGS has an L1 norm equal to its learning rate; the
    gain makes that step move pixels by `first_move` on average.

    Args:
        start: (1, 3, H, W).
        whiten: exponent of the filter, at least 0.
        first_move: mean absolute change of a pixel by a u of L1 norm 1.
    """

    def __init__(self, start: Tensor, whiten: float, first_move: float) -> None:
        self.start = start
        self.gain = first_move * start.numel()
        self.filter: Tensor | None = None
        if whiten:
            height, width = start.shape[-2:]
            vertical = torch.fft.fftfreq(height, device=start.device)[:, None]
            horizontal = torch.fft.rfftfreq(width, device=start.device)[None]
            weights = (torch.hypot(vertical, horizontal) + LOWEST) ** -whiten
            self.filter = weights / weights.square().mean().sqrt()
        # L-BFGS flattens its parameter: it must be contiguous, whatever the network prefers.
        self.u = torch.zeros(start.shape, device=start.device).requires_grad_()

    def image(self) -> Tensor:
        """Return the image, differentiable in `u`."""
        change = self.u
        if self.filter is not None:
            spectrum = torch.fft.rfft2(change) * self.filter
            change = torch.fft.irfft2(spectrum, s=self.start.shape[-2:])
        return self.start + self.gain * change
