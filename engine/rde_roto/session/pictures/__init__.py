"""Pictures of frames for the screen, and the frame that is shown."""
