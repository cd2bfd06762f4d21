"""Image-based style transfer (Gatys et al.): the picture itself is optimised."""

from __future__ import annotations

from stylize import ComponentSpec, MethodSpec, PresetSpec, hookimpl

STYLIZE_PLUGIN_API = 1

PRESETS = {
    "gatys_artistic": "The paper's artistic transfer (section 6.1): VGG-19, beta 1000",
    "gatys_daytime": "The paper's daytime transfer (section 6.1): beta 1, first layer 5",
    "gatys_neural_style": "jcjohnson/neural-style: relu layers, 5 : 100 : 1e-3",
    "gatys_average": "Gatys et al. 2015 as printed: convolutions, average pooling, noise",
    "gatys_wasserstein": "crowsonkb/style-transfer-pytorch: Wasserstein loss, Adam, many scales",
}


@hookimpl
def stylize_components() -> list[ComponentSpec]:
    return [
        MethodSpec(
            "gatys",
            factory="stylize_gatys.method:Gatys",
            settings="stylize_gatys.settings:GatysSettings",
            summary="Optimise the picture for the painting's statistics: minutes (section 2)",
        ),
        *(
            PresetSpec(name, factory=f"stylize_gatys:presets/{name}.toml", summary=summary)
            for name, summary in PRESETS.items()
        ),
    ]
