"""The nouns: what crosses a border between two stages, and nothing else does."""
