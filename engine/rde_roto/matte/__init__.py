"""From the network's raw matte to the matte that is delivered."""
