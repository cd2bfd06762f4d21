"""Divisive normalisation, a smoothing for stylize. Declares only: no torch is imported here."""

from stylize import PresetSpec, SmoothingSpec, hookimpl

STYLIZE_PLUGIN_API = 1


@hookimpl
def stylize_components() -> list[SmoothingSpec | PresetSpec]:
    """Add the smoothing `divisive`, and a preset for the comparison in the README."""
    return [
        SmoothingSpec(
            "divisive",
            factory="stylize_divisive.function:DivisiveSmoothing",
            settings="stylize_divisive.settings:DivisiveSettings",
            summary="Each activation over the energy of its neighbourhood in all channels",
        ),
        PresetSpec(
            "thin_divisive",
            factory="stylize_divisive:presets/thin_divisive.toml",
            summary="resnet50_thin with divisive normalisation",
        ),
    ]
