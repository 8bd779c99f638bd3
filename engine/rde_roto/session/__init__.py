"""A shot while somebody works on it: what is painted, undone, tracked and saved. Knows no window.

Everything here is used from one thread, that of whoever works; what takes long is done on others,
and comes back through ``live.Post``.
"""
