"""How good mattes are: scores against ground truth."""
