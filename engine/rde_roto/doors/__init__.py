"""The ways in for people and programs: the command line, the engine process, the hot folder, the
window.
"""
