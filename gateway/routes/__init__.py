"""REST, one module a part of the restaurant. Each has a class that lists its routes."""
