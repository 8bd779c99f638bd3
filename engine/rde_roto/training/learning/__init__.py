"""Learning a shot: fine-tune the network on the artist's mattes of a shot before tracking it."""
