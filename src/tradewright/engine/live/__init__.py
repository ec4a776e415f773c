"""The session at work: live feeds and venues around the one path, everything it hears on record.

Read in this order: `rows` (a market event on record), `orders` (the session's messages and the desk's), `conductor`
(the deterministic middle), `recovery` (the same from a journal), `runtime` (the loop around it).
"""
