"""`tradewright challenge`: from a run folder and rule ids to a simulation, its numbers and its page."""
