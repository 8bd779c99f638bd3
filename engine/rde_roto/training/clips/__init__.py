"""Training clips: footage that is cropped, moved and composited at random, reproducibly."""
