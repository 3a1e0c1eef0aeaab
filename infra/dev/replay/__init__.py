"""Places every order of a file of past sales, watches each to its end, and accounts for all."""
