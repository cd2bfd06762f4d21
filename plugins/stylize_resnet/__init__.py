"""ResNet backbones: torchvision's, and resnet50_thin with embedded weights."""

from stylize import BackboneSpec, ComponentSpec, PresetSpec, WeightsSpec, hookimpl
from stylize_resnet.gains import OPEN_NSFW_GAINS

STYLIZE_PLUGIN_API = 1

PRESETS = {
    "swag": "The paper's ResNet-50 with softmax, literally (section 6.4): style 1e12",
    "swag_tanh": "The paper's ResNet-50 with tanh, literally",
    "swag_softsign": "The paper's ResNet-50 with softsign, literally",
    "swag_scale": "The paper's ResNet-50 with scale, literally: a reweighting",
    "thin_none": "resnet50_thin without smoothing, for comparison",
    "thin_softmax": "resnet50_thin with softmax, our own settings",
    "thin_tanh": "resnet50_thin with tanh, our own settings",
    "thin_softsign": "resnet50_thin with softsign, our own settings",
    "thin_none_neighbors": "resnet50_thin without smoothing for neighbors, for comparison",
    "thin_softmax_neighbors": "resnet50_thin with softmax for neighbors, our own settings",
    "thin_tanh_neighbors": "resnet50_thin with tanh for neighbors, our own settings",
    "thin_softsign_neighbors": "resnet50_thin with softsign for neighbors, our own settings",
}


@hookimpl
def stylize_components() -> list[ComponentSpec]:
    return [
        *(
            PresetSpec(name, factory=f"stylize_resnet:presets/{name}.toml", summary=summary)
            for name, summary in PRESETS.items()
        ),
        _resnet("resnet18", "ResNet-18 (download)", (2, 2, 2, 2), _imagenet("ResNet18")),
        _resnet("resnet34", "ResNet-34 (download)", (3, 4, 6, 3), _imagenet("ResNet34")),
        _resnet(
            "resnet50",
            "ResNet-50, the network of SWAG (Wang et al. 2021) (download)",
            (3, 4, 6, 3),
            _imagenet("ResNet50"),
        ),
        _resnet(
            "resnet50_thin",
            "ResNet-50 with half the filters, embedded weights: works at once",
            (3, 4, 6, 3),
            WeightsSpec(
                "open_nsfw",
                embedded="stylize_resnet:resnet50_thin-open_nsfw.safetensors",
                gains=OPEN_NSFW_GAINS,
                license="BSD-2-Clause",
            ),
        ),
        _resnet("resnet101", "ResNet-101 (download)", (3, 4, 23, 3), _imagenet("ResNet101")),
        _resnet("resnet152", "ResNet-152 (download)", (3, 8, 36, 3), _imagenet("ResNet152")),
        _resnet(
            "wide_resnet50_2",
            "ResNet-50 with twice the inner filters (download)",
            (3, 4, 6, 3),
            _imagenet("Wide_ResNet50_2"),
        ),
    ]


def _imagenet(network: str) -> WeightsSpec:
    return WeightsSpec(
        "imagenet1k_v1",
        torchvision=f"{network}_Weights.IMAGENET1K_V1",
        license="BSD-3-Clause (torchvision); trained on ImageNet",
    )


def _resnet(
    name: str, summary: str, blocks: tuple[int, int, int, int], weights: WeightsSpec
) -> BackboneSpec:
    """Declare a ResNet with this number of blocks in each stage."""
    last = [f"layer{stage}.{count - 1}" for stage, count in enumerate(blocks, 1)]
    return BackboneSpec(
        name,
        factory=f"stylize_resnet.backbone:{name}",
        settings="stylize_resnet.settings:ResNetSettings",
        summary=summary,
        weights=(weights,),
        # As in SWAG's code: its conv0_0, conv1_2, conv2_3, conv3_5 and conv4_2 of ResNet-50 are
        # the stem and the last block of each stage, counted from 0.
        content_layers=(last[2],),
        style_layers=("conv1", *last),
        # Stage 4 has too few positions to tell strokes apart.
        hypercolumn_layers=("conv1", *last[:3]),
        # The paper smooths conv3_* and conv4_*, stages 3 and 4.
        smooth_layers=("layer3.*", "layer4.*"),
        # The paper's names, counted from 1.
        aliases={
            f"conv{stage}_{index + 1}": f"layer{stage}.{index}"
            for stage, count in enumerate(blocks, 1)
            for index in range(count)
        },
    )
