"""Gains of vgg16.oxford: 1 / root mean square of each layer on photographs.

Printed by `stylize calibrate vgg16.oxford FOLDER`, over 123 free
photographs (wallpapers, OpenCV samples, GCompris) at a longer side of 512.
"""

OXFORD_GAINS = {
    "conv1_1": 0.0145,
    "relu1_1": 0.02073,
    "conv1_2": 0.004035,
    "relu1_2": 0.004375,
    "conv2_1": 0.002515,
    "relu2_1": 0.003602,
    "conv2_2": 0.001713,
    "relu2_2": 0.002583,
    "conv3_1": 0.001387,
    "relu3_1": 0.002262,
    "conv3_2": 0.00135,
    "relu3_2": 0.002193,
    "conv3_3": 0.001275,
    "relu3_3": 0.002565,
    "conv4_1": 0.001445,
    "relu4_1": 0.003344,
    "conv4_2": 0.002071,
    "relu4_2": 0.005728,
    "conv4_3": 0.00297,
    "relu4_3": 0.0149,
    "conv5_1": 0.006552,
    "relu5_1": 0.01997,
    "conv5_2": 0.01113,
    "relu5_2": 0.04497,
    "conv5_3": 0.01796,
    "relu5_3": 0.1883,
}
