"""The shares of several styles in a picture."""

from __future__ import annotations

from stylize.contract.plan import RunSettings
from stylize.errors import UsageError

__all__ = ["style_shares"]


def style_shares(settings: RunSettings, count: int) -> tuple[float, ...]:
    """Return each style's share of the blend: equal, unless `style_weights` says otherwise.

    Raises: UsageError if there are not as many weights as styles, or all are 0.
    """
    weights = settings.style_weights
    if weights is None:
        return (1.0,) * count
    if len(weights) != count:
        raise UsageError(
            f"style_weights has {len(weights)} numbers for {count} style images: give one for each"
        )
    if count and not sum(weights):
        raise UsageError("style_weights are all 0: make at least one of them positive")
    return weights
