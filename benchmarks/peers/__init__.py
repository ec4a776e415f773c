"""One module a peer; each offers an ``ENGINE`` (see ``benchmarks.spec.Engine``)."""
