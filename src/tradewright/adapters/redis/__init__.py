"""Redis (or Valkey) as a cache that may be absent: pages of answers, and the newest feature row of each instrument."""
