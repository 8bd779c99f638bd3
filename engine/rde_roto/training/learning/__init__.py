"""Learning a shot: the network studies what the artist has drawn of it before it tracks."""
