"""What painting, selecting and editing lines do to the document."""
