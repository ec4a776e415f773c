"""What every service of ours over HTTP shares: who may ask, how errors are answered, how it runs and stops."""
