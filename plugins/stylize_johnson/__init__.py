"""Fast style transfer (Johnson et al.): a network trained for one painting, applied in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stylize import ComponentSpec, MethodSpec, ModelSpec, PresetSpec, hookimpl

if TYPE_CHECKING:
    from stylize import Plan, Problem

STYLIZE_PLUGIN_API = 1

PRESETS = {
    "johnson_paper": "The paper's training (section 6.2): VGG-16, 256 px, batch 4, 40,000 steps",
    "johnson_learn": "Training from another network, in ten minutes on two cores",
    "johnson_quick": "Training of the deep network: a minute on a large GPU, an hour on two cores",
}
MODELS = {
    "composition_vii": "Kandinsky, Composition VII, 1913: bright shapes in motion",
    "great_wave": "Hokusai, The Great Wave off Kanagawa, 1831: a woodcut's blues",
    "kandinsky_fast": "Kandinsky, lines and planes on white: in a blink",
    "mondrian": "Mondrian, Composition, 1913: black lines on ochre",
    "mosaic_fast": "A Roman mosaic of small stones: in a blink",
    "red_chalk": "A drawing in red chalk",
    "signac": "Signac, Antibes, about 1908: dots of violet and orange",
    "starry_night": "Van Gogh, The Starry Night, 1889: swirling strokes",
    "tahiti": "Gauguin, a scene of Tahiti: warm planes",
    "water_lilies": "Monet, Water Lilies: violet and green",
    "watercolour": "A watercolour of a river bank",
    "wheat_field": "Van Gogh, Wheat Field with Cypresses, 1889: thick oil",
}


@hookimpl
def stylize_components() -> list[ComponentSpec]:
    return [
        MethodSpec(
            "johnson",
            factory="stylize_johnson.method:Johnson",
            settings="stylize_johnson.settings:JohnsonSettings",
            summary="Apply a network trained for one painting: any size, in a blink (section 3)",
            trainable=True,
            needs_style=False,
            streams=True,
        ),
        *(
            ModelSpec(name, factory=f"stylize_johnson:models/{name}.safetensors", summary=summary)
            for name, summary in MODELS.items()
        ),
        *(
            PresetSpec(name, factory=f"stylize_johnson:presets/{name}.toml", summary=summary)
            for name, summary in PRESETS.items()
        ),
    ]


@hookimpl
def stylize_check(plan: Plan) -> Iterable[Problem]:
    if not plan.method.factory.startswith(f"{__name__}."):  # another's may be called johnson
        return
    if plan.model is not None and plan.settings.weights is not None:
        yield plan.warning(
            f"model {plan.model.name} looks at no features; without effect: --weights "
            f"{plan.settings.weights}"
        )
