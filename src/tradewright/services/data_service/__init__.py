"""The data service: bars, features and newest values of a store over HTTP, read only, with Redis as optional cache."""
