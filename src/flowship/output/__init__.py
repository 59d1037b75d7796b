"""The two output streams, and how each kind of result looks on them."""
