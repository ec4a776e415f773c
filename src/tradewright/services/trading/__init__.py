"""What everything that trades shares: the folder of an account, its section of a configuration, its keys."""
