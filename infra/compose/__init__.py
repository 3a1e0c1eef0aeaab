"""Running all of Brigade with Docker Compose: its secrets, and what `task up` does around it."""
