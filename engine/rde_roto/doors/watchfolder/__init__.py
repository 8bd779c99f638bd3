"""The hot folder: jobs are dropped into it, mattes come out. docs/hot-folder.md."""
