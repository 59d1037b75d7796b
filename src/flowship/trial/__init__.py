"""`flowship try`: one run of a flow in its image on this machine."""
