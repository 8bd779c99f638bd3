"""What a hand draws: planes, strokes, lines and polygons, and its tools. Knows no shot."""
