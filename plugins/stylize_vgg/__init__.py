"""VGG backbones: vgg16 (with embedded weights) and vgg19."""

from stylize import BackboneSpec, WeightsSpec, hookimpl
from stylize_vgg.gains import OXFORD_GAINS

STYLIZE_PLUGIN_API = 1

CONTENT = ("conv4_1",)
STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
# Fewer than in Kolkin et al. 2022 (all up to relu4_3): equally painterly, in less time and memory.
HYPERCOLUMN = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
# The paper smooths conv3_* and conv4_*.
SMOOTH = ("conv3_*", "relu3_*", "conv4_*", "relu4_*")


@hookimpl
def stylize_components() -> list[BackboneSpec]:
    return [
        _vgg(
            "vgg16",
            "VGG-16 of Simonyan and Zisserman, embedded weights: the default",
            WeightsSpec(
                "oxford",
                embedded="stylize_vgg:vgg16-oxford.safetensors",
                gains=OXFORD_GAINS,
                license="CC-BY-4.0",
            ),
            WeightsSpec(
                "imagenet1k_v1",
                torchvision="VGG16_Weights.IMAGENET1K_V1",
                license="BSD-3-Clause (torchvision); trained on ImageNet",
            ),
        ),
        _vgg(
            "vgg19",
            "VGG-19, the network of Gatys et al. and Huang and Belongie (download)",
            WeightsSpec(
                "imagenet1k_v1",
                torchvision="VGG19_Weights.IMAGENET1K_V1",
                license="BSD-3-Clause (torchvision); trained on ImageNet",
            ),
        ),
    ]


def _vgg(name: str, summary: str, *weights: WeightsSpec) -> BackboneSpec:
    return BackboneSpec(
        name,
        factory=f"stylize_vgg.backbone:{name}",
        settings="stylize_vgg.settings:VGGSettings",
        summary=summary,
        weights=weights,
        content_layers=CONTENT,
        style_layers=STYLE,
        hypercolumn_layers=HYPERCOLUMN,
        smooth_layers=SMOOTH,
    )
