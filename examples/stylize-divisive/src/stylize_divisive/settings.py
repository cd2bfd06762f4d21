"""Settings of divisive normalisation."""

from pydantic import Field
from stylize import Settings


class DivisiveSettings(Settings):
    """Settings of `divisive`."""

    sigma: float = Field(
        0.3, gt=0, description="Energy, as a root mean square, at which compression sets in."
    )
    window: int = Field(3, ge=1, description="Side of the neighbourhood, in positions.")
