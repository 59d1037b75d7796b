"""The project's configuration: finding it, reading it, overriding it, explaining mistakes in it."""
