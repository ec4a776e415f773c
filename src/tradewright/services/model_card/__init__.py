"""The card of a model: one HTML page with what it is, what it showed, and what its gate said."""
