"""Measures quality and speed: scores against ground truth, and benchmarks."""
