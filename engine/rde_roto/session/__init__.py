"""A shot while somebody works on it: what is painted, undone, tracked and saved. Knows no window.

Everything here is used from one thread, that of whoever works. What takes long runs on other
threads, and its results come back through ``mattes.backend.Post``.
"""
