"""Training clips: footage cropped, set in motion and composited, under one seed."""
