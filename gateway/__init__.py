"""The one door to the restaurant: REST and live events. Keeps nothing that a restart would lose."""
