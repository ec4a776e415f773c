"""Sessions that trade as time goes by: which feed, which venue, which account folder, and what may start."""
