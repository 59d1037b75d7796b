"""Lockfiles: which one a project uses, and its packages as requirements with hashes."""
