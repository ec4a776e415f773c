"""The control endpoint of a running session: who may kill, who may release, and a line for every call."""
