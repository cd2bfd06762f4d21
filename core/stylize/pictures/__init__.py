"""Pictures from files to tensors and back, and their treatment on the way."""
