"""What auth counts; requests and calls are counted in infra.metrics."""

from prometheus_client import Counter, Gauge

LOGINS = Counter("auth_logins", "Attempts to prove a password.", ["outcome"])
REFRESHES = Counter("auth_refreshes", "Refresh tokens shown, by what became of them.", ["outcome"])
HASHINGS = Gauge("auth_hashings", "Passwords being hashed or waiting for it.")
HASHINGS_REFUSED = Counter("auth_hashings_refused", "Passwords refused because too many waited.")
