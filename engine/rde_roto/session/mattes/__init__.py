"""Mattes made while somebody works, and the node that makes them."""
