"""The compiled verbs: match, settle, mark, decide, check, and the loop around them."""
