"""Training of the network that selects by clicks."""
