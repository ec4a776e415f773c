"""Market data: rows from files become checked, stored, versioned bars, quotes and trades."""
