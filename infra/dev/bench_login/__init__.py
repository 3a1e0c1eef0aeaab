"""What a login costs, whoever asks, and how soon it is known everywhere that a session ended."""
