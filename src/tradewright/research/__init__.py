"""Research: makes evidence about models and strategies."""
