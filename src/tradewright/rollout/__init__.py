"""Rollout: judges evidence, and decides which model is in use."""
