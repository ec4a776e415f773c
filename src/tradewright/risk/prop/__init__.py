"""Prop-firm rules: data about firms in ``firms/``, their schema, and the records that compiled code reads."""
