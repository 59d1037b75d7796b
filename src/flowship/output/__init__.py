"""The two streams, and how results look on them."""
