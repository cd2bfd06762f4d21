"""What a model is, in one line for users."""

from __future__ import annotations

from stylize import ModelFile, ModelSpec, PluginHost

__all__ = ["own_summary", "summarize"]


def summarize(host: PluginHost, model: ModelFile) -> str:
    """Return a model's own summary, or else name its method."""
    return own_summary(host, model) or f"a model of method {model.header.method}"


def own_summary(host: PluginHost, model: ModelFile) -> str:
    """Return a model's summary, from its plugin or else from its file; "" without one."""
    own = host.get(ModelSpec, model.name).summary if model.distribution else ""
    return own or model.header.summary
