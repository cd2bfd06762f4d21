"""The choice of the method that stylises a clip, if none is given."""

from __future__ import annotations

from stylize import DISTRIBUTION, MethodSpec, PluginHost, RunSettings

__all__ = ["choose_method"]


def choose_method(host: PluginHost, settings: RunSettings) -> RunSettings:
    """Return settings with the method that suits clips, if neither method nor model is given.

    This method applies a model of its own to any painting, in one pass; ours comes first. Without
    such a method, the slow default for pictures stays.
    """
    if settings.model is not None or "method" in settings.model_fields_set:
        return settings
    specs = [spec for spec in host.specs(MethodSpec) if spec.needs_style and spec.default_model]
    specs.sort(key=lambda spec: host.origin(spec).distribution != DISTRIBUTION)
    if not specs:
        return settings
    given = settings.model_dump(exclude_unset=True)
    return RunSettings.model_validate({**given, "method": host.key(specs[0])})
