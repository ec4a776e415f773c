"""Models: rows of features in, forecasts out."""
