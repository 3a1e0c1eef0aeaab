"""The order service: owns orders, their history, the menu and the event feed."""
