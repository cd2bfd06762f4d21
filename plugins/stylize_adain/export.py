"""Encoder, transform and decoder as separate networks, for other programs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from stylize import Axis, ExportModule
from stylize_adain.network import LEAST, Decoder
from stylize_adain.transfer import Transfer

__all__ = ["export_transfer"]

# Size of the examples, in positions.
ROWS, COLUMNS = 12, 16


class _Encoder(nn.Module):
    """Turns pictures (1, 3, H, W) in [0, 1] into packed features."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__()
        self.backbone = transfer.parts.features.backbone  # makes its weights those of the module
        self.transfer = transfer

    def forward(self, picture: Tensor) -> Tensor:
        return self.transfer.features_of(picture)


class _Decoder(nn.Module):
    """Turns features into pictures, clamped to [0, 1]."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, features: Tensor) -> Tensor:
        picture: Tensor = self.decoder(features).clamp(0, 1)
        return picture


def export_transfer(transfer: Transfer) -> Mapping[str, ExportModule]:
    """Return the three networks by name. Pictures of any size are made in one piece."""
    stride, layer = transfer.stride, transfer.layer
    extractor = transfer.parts.features
    channels = transfer.packing.channels
    least = max(LEAST * stride, extractor.least_size([layer]))
    picture = {2: Axis("height", stride, least), 3: Axis("width", stride, least)}
    rows_and_columns = {2: Axis("rows", least=LEAST), 3: Axis("columns", least=LEAST)}
    painted = {2: Axis("style_rows", least=LEAST), 3: Axis("style_columns", least=LEAST)}
    features = torch.rand(1, channels, ROWS, COLUMNS)
    return {
        "encoder": ExportModule(
            _Encoder(transfer).eval(),
            {"picture": torch.rand(1, 3, ROWS * stride, COLUMNS * stride)},
            "features",
            {"picture": picture},
        ),
        transfer.transform.name: ExportModule(
            transfer.transform.exported().eval(),
            {
                "content": features,
                "style": torch.rand(1, channels, ROWS + 1, COLUMNS + 1),
                "alpha": torch.ones(1),
            },
            "blended",
            {"content": rows_and_columns, "style": painted},
        ),
        "decoder": ExportModule(
            _Decoder(transfer.decoder).eval(),
            {"features": features},
            "picture",
            {"features": rows_and_columns},
        ),
    }
