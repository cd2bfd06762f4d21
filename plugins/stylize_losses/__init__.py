"""The built-in losses: feature, gram, moments, wasserstein and total_variation."""

from stylize.hookspecs import hookimpl
from stylize.spec import LossSpec, Role

STYLIZE_PLUGIN_API = 1


@hookimpl
def stylize_components() -> list[LossSpec]:
    settings = "stylize_losses.settings"
    return [
        LossSpec(
            "feature",
            factory="stylize_losses.content:FeatureLoss",
            settings=f"{settings}:FeatureSettings",
            summary="Squared difference of features (eq. 2, 5, 13)",
            role=Role.CONTENT,
            paper={"form": "sum"},
        ),
        LossSpec(
            "gram",
            factory="stylize_losses.style:GramLoss",
            settings=f"{settings}:GramSettings",
            summary="Squared difference of Gram matrices (eq. 3-4, 6-7, 14)",
            paper={"form": "sum"},
        ),
        LossSpec(
            "moments",
            factory="stylize_losses.style:MomentsLoss",
            settings=f"{settings}:MomentsSettings",
            summary="Difference of channel means and deviations (eq. 11)",
            paper={"form": "norm"},
        ),
        LossSpec(
            "wasserstein",
            factory="stylize_losses.style:WassersteinLoss",
            summary="Squared 2-Wasserstein distance of Gaussians fitted to the features",
        ),
        LossSpec(
            "total_variation",
            factory="stylize_losses.image:TotalVariationLoss",
            settings=f"{settings}:TotalVariationSettings",
            summary="Differences of neighbouring pixels: less noise, less texture",
            role=Role.IMAGE,
        ),
    ]
