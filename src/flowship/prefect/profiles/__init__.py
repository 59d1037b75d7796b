"""Prefect's own settings and profiles, read and edited as Prefect does it.

`files` reads what Prefect reads, `resolution` finds the API as Prefect does, `showing` and
`editing` show and change the profiles, and `writing` edits their file.
"""
