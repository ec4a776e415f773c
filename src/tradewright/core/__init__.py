"""The nouns (`types`) and the compiled verbs (`kernel`) that everything else is built from."""
