"""What live trading needs before it may begin: the arm file, and every condition that is missing."""
