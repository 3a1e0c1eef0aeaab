"""``./task bench``: how fast the whole is, as ratios to the ceiling of its own web server."""
