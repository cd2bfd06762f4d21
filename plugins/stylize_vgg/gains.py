"""Gains of vgg16.oxford: 1 / root mean square of each layer on photographs."""

OXFORD_GAINS: dict[str, float] = {}
