"""Fast style transfer (Johnson et al.): a network trained for one painting, applied in one pass."""

from __future__ import annotations

from stylize import ComponentSpec, MethodSpec, ModelSpec, PresetSpec, hookimpl

STYLIZE_PLUGIN_API = 1

PRESETS = {
    "johnson_paper": "The paper's training (section 6.2): VGG-16, 256 px, batch 4, 40,000 steps",
    "johnson_quick": "Training for CPUs: the light network, about an hour on two cores",
}
MODELS = {
    "starry_night_fast": "Van Gogh, The Starry Night, 1889: in a blink",
    "great_wave_fast": "Hokusai, The Great Wave off Kanagawa, 1831: in a blink",
    "composition_vii_fast": "Kandinsky, Composition VII, 1913: in a blink",
    "mosaic_fast": "A Roman mosaic: in a blink",
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
