"""The execution model at work: measured from the store and own fills, and handed to runs."""
