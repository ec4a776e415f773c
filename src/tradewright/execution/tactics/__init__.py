"""How an order of the session becomes orders at the venue: quoted, quoted anew, crossed at last, or sent as it is."""
