"""The built-in losses: feature, gram, moments, wasserstein and total_variation.

A module each: its spec, its settings and its distance. Those of the style keep raw moments (means
over positions), which add up over tiles and blend over styles; deviations and roots are taken in
`distance`. Under `--balance relative`, of a loss's forms only the power matters: factors are
divided out.
"""

from stylize import LossSpec, hookimpl
from stylize_losses import feature, gram, moments, total_variation, wasserstein

STYLIZE_PLUGIN_API = 1


@hookimpl
def stylize_components() -> list[LossSpec]:
    return [feature.SPEC, gram.SPEC, moments.SPEC, wasserstein.SPEC, total_variation.SPEC]
