"""Gains of resnet50_thin.open_nsfw: 1 / root mean square of each layer on photographs."""

OPEN_NSFW_GAINS: dict[str, float] = {}
