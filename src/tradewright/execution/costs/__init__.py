"""The measured execution model: what trading costs, as distributions by instrument and session."""
