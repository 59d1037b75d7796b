"""flowship compared with its peers: `benchmarks/run` measures, docs/benchmarks.md shows a run."""
