"""Gains of resnet50_thin.open_nsfw: 1 / root mean square of each layer on photographs.

Printed by `stylize calibrate resnet50_thin.open_nsfw FOLDER`, over 123 free
photographs (wallpapers, OpenCV samples, GCompris) at a longer side of 512.
"""

OPEN_NSFW_GAINS = {
    "conv1": 2.339,
    "layer1.0": 3.116,
    "layer1.1": 2.705,
    "layer1.2": 2.469,
    "layer2.0": 4.148,
    "layer2.1": 3.876,
    "layer2.2": 3.723,
    "layer2.3": 3.08,
    "layer3.0": 5.363,
    "layer3.1": 5.512,
    "layer3.2": 5.461,
    "layer3.3": 5.37,
    "layer3.4": 4.729,
    "layer3.5": 3.979,
    "layer4.0": 1.982,
    "layer4.1": 1.445,
    "layer4.2": 0.7654,
}
