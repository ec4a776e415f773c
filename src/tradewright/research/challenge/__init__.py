"""Challenge simulation: what a run's days, drawn anew many times, do under a prop firm's rules."""
