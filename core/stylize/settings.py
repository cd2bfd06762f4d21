"""The base of every settings model: frozen, closed, described, its numbers finite."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Settings"]


class Settings(BaseModel):
    """Settings of one part. Every field needs a description: `--help` and the docs come from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
