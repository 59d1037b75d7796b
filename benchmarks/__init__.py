"""Measurements of flowship and comparable tools. docs/benchmarks.md has the results."""
