"""The hot folder: people drop jobs into it and mattes come out. See docs/hot-folder.md."""
