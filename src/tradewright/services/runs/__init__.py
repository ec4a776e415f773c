"""A run as a folder: prepared, executed, written all or nothing, read again and compared."""
