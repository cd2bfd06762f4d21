"""What a model is, in words for users."""

from __future__ import annotations

from stylize import ModelFile, ModelHeader, ModelSpec, PluginHost
from stylize.command import count

__all__ = ["own_summary", "summarize", "tell_steps"]


def summarize(host: PluginHost, model: ModelFile) -> str:
    """Return a model's own summary, or else name its method."""
    return own_summary(host, model) or f"a model of method {model.header.method}"


def own_summary(host: PluginHost, model: ModelFile) -> str:
    """Return a model's summary, from its plugin or else from its file; "" without one."""
    own = host.get(ModelSpec, model.name).summary if model.distribution else ""
    return own or model.header.summary


def tell_steps(header: ModelHeader) -> str:
    """Return how long a model was trained, and from which one it started, if its file says so."""
    if header.start is None:
        return f"{count(header.steps, 'step')} (those of its start included, if it had one)"
    own = count(header.steps - header.start_steps, "step")
    if not header.start:
        return own
    return f"{own}, from {header.start} ({count(header.start_steps, 'step')}),"
