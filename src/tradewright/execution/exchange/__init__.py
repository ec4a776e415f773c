"""A local exchange without network, clock or files: accounts, order books from quotes, faults on a script."""
