"""Models that somebody else's process serves: ours over HTTP."""
