"""The built-in losses: feature, self_similarity, gram, moments, wasserstein and the others.

Each has its own module, with its spec, settings and distance. The style losses keep raw moments
(means over positions), which add up over tiles and blend over styles; `distance` takes deviations
and roots. Only nearest_neighbor keeps a set of features, and defines how sets blend. Under
`--balance relative`, only the power of a loss's form matters: factors are divided out.
"""

from stylize import LossSpec, hookimpl
from stylize_losses import (
    feature,
    gram,
    moments,
    nearest_neighbor,
    self_similarity,
    total_variation,
    wasserstein,
)

STYLIZE_PLUGIN_API = 1


@hookimpl
def stylize_components() -> list[LossSpec]:
    content = feature, self_similarity
    style = gram, moments, wasserstein, nearest_neighbor
    return [loss.SPEC for loss in (*content, *style, total_variation)]
