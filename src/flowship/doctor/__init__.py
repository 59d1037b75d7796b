"""`flowship doctor`: what keeps images from being built and scheduled runs from starting.

`catalog` lists the checks, `examination` runs them, and each other module has the checks of one
subject.
"""
