"""The journal: an append-only, hash-chained record of everything that came in or went out."""
