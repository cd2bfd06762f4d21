"""Training, for every trainable method: settings, data, checkpoints and the one loop."""
