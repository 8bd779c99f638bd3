"""From a plate's colour space to the network's view."""
