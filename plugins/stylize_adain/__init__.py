"""Arbitrary style transfer (Huang and Belongie): one network for every painting, in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stylize import ComponentSpec, MethodSpec, ModelSpec, PresetSpec, hookimpl

if TYPE_CHECKING:
    from stylize import Plan, Problem

STYLIZE_PLUGIN_API = 1

PRESETS = {
    "adain_paper": "The paper's training (section 6.3): VGG-19, batch 8, 20 epochs",
    "adain_swap": "Training of swapped features for CPUs: the painting's strokes in one pass",
    "adain_quick": "Training for CPUs: small crops of few paintings, varied in many ways",
}
MODELS = {
    "any": "Any painting that you give, in its own strokes",
    # Each is a painting for the model any, made by stylize learn.
    "auvers": "Van Gogh, Houses at Auvers, 1890: ink-like outlines",
    "kandinsky": "Kandinsky, lines and planes on white",
    "mosaic": "A Roman mosaic of small stones",
    "night_cafe": "Van Gogh, The Night Cafe, 1888: yellow, red and green",
    "straw_hat": "Van Gogh, Self-Portrait with Straw Hat, 1887: orange dashes",
}
# By transfer: the strength at which alpha reaches 1, so that all features are of the style.
MOST = {"adain": 1.0, "swap": 4 / 3}
STYLE_LAYERS = "relu1_1,relu2_1,relu3_1,relu4_1"


@hookimpl
def stylize_components() -> list[ComponentSpec]:
    return [
        MethodSpec(
            "adain",
            factory="stylize_adain.method:Adain",
            settings="stylize_adain.settings:AdainSettings",
            summary="Apply one network for any painting: any size, in one pass (section 4)",
            trainable=True,
            streams=True,
            default_model="any",
            training={"*": {"style_loss": "moments"}, "vgg*": {"style_layers": STYLE_LAYERS}},
        ),
        *(
            ModelSpec(name, factory=f"stylize_adain:models/{name}.safetensors", summary=summary)
            for name, summary in MODELS.items()
        ),
        *(
            PresetSpec(name, factory=f"stylize_adain:presets/{name}.toml", summary=summary)
            for name, summary in PRESETS.items()
        ),
    ]


@hookimpl
def stylize_check(plan: Plan) -> Iterable[Problem]:
    if not plan.method.factory.startswith(f"{__name__}."):  # another's method may be called adain
        return
    if plan.model is None and plan.content.layers is not None:
        yield plan.error(
            f"adain compares content at the last layer of its encoder, not at "
            f"{','.join(plan.content.layers)}: use --set adain.layer=LAYER instead of "
            f"--content-layers"
        )
    settings = plan.method_settings
    transfer = getattr(settings, "transfer", "adain")
    if plan.model is not None:
        own = plan.model.header.network.get("transfer", "adain")
        if transfer != own:
            yield plan.error(
                f"model {plan.model.name} was trained with adain.transfer {own}: leave out "
                f"{transfer}, or train a model with it: stylize train adain --preset adain_swap"
            )
    if transfer == "swap" and getattr(settings, "gain_limit", None) is not None:
        yield plan.error(
            "adain.gain_limit bounds the gain of adain.transfer=adain only: leave it out"
        )
    alpha, strength = getattr(settings, "alpha", None), plan.settings.strength
    if alpha is not None and strength not in (1.0, alpha):
        yield plan.error(
            f"alpha {alpha:g} and strength {strength:g} both set the strength of the style: "
            f"give only one"
        )
    if plan.model is not None and alpha is None and strength > (most := MOST[own]):
        yield plan.warning(
            f"strength {strength:g} is above the maximum of model {plan.model.name} and counts as "
            f"{most:.3g}: for a stronger style, use --method neighbors"
        )
