"""Auth owns accounts, password hashes, signing keys and refresh tokens: it says who somebody is."""
