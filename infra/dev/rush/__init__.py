"""``./task rush``: a Friday night with faults, after which every order is accounted for."""
