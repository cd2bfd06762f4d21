"""The built-in losses: feature, self_similarity, gram, moments, wasserstein and the others.

A module each: its spec, its settings and its distance. Those of the style keep raw moments (means
over positions), which add up over tiles and blend over styles; deviations and roots are taken in
`distance`. nearest_neighbor alone keeps a set of features, and says how sets blend. Under
`--balance relative`, of a loss's forms only the power matters: factors are divided out.
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
