"""The plan of a project: what `ship` would change, as a value, as a file, and compared again."""
