"""Where the program meets the world: the command line, settings, run folders, the report."""
