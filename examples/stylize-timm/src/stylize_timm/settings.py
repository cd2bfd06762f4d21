"""Settings of the backbone `timm`."""

from pydantic import Field
from stylize import Settings


class TimmSettings(Settings):
    """Settings of `timm`."""

    model: str | None = Field(
        None,
        description="The model, as timm calls it, for --weights FILE and timm.random; other "
        "weights name it themselves: --backbone timm.convnext_tiny.",
    )
