"""A network that tracks elements, behind the interface in `tracker`: its view of a plate, its
memory state, its weights and the device that it runs on.
"""
