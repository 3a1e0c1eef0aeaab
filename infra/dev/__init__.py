"""Running all of Brigade on one machine without containers: for development, tests and replays."""
