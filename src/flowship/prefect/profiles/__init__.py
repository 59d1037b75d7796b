"""Prefect's own settings and profiles, read and edited as Prefect does it.

`files` reads what Prefect reads, `resolution` decides as Prefect decides, `editing` shows and
changes the profiles.
"""
