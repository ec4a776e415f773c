"""Forecasts over HTTP: the promoted models of a registry, switched while they serve."""
