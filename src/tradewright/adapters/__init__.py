"""Vendors behind ports: one folder a vendor, and the two connections they share; hands over nouns and frames only."""
