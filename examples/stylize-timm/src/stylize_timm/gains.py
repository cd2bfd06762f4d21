"""Gains: 1 / root mean square of each layer on photographs, with the weights `lite_pytorch`.

Printed by `stylize calibrate tf_efficientnet_lite0.lite_pytorch FOLDER`, and so on, over 123 free
photographs at a longer side of 512.
"""

LITE_GAINS: dict[str, dict[str, float]] = {
    "tf_efficientnet_lite0": {
        "stride2": 0.157,
        "stride4": 0.1208,
        "stride8": 0.1444,
        "stride16": 0.179,
        "stride32": 0.3813,
    },
    "tf_efficientnet_lite1": {
        "stride2": 0.1639,
        "stride4": 0.1024,
        "stride8": 0.1244,
        "stride16": 0.1631,
        "stride32": 0.3999,
    },
    "tf_efficientnet_lite2": {
        "stride2": 0.1639,
        "stride4": 0.1047,
        "stride8": 0.1298,
        "stride16": 0.1653,
        "stride32": 0.4385,
    },
}
