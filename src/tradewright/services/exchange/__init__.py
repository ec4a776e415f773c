"""The local exchange as a service: simulated time, recorded markets, and the protocols of real venues."""
