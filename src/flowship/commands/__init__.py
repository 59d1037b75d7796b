"""One module per command: its options, one call, one rendering."""
