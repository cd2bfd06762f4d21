"""Which method a clip is stylised by, where none is given."""

from __future__ import annotations

from stylize import DISTRIBUTION, MethodSpec, PluginHost, RunSettings

__all__ = ["choose_method"]


def choose_method(host: PluginHost, settings: RunSettings) -> RunSettings:
    """Return settings with the method that suits clips, where none is given and no model.

    That is one that applies a model of its own to any painting, in one pass, ours before others;
    without one, the method stays the default of pictures, which is slow.
    """
    if settings.model is not None or "method" in settings.model_fields_set:
        return settings
    specs = [spec for spec in host.specs(MethodSpec) if spec.needs_style and spec.default_model]
    specs.sort(key=lambda spec: host.origin(spec).distribution != DISTRIBUTION)
    if not specs:
        return settings
    given = settings.model_dump(exclude_unset=True)
    return RunSettings.model_validate({**given, "method": host.key(specs[0])})
