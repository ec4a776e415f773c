"""Sessions found on disk, retold by this program, and shown."""
