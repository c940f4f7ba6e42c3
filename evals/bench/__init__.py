"""Benchmarks: what was promised, measured on a running service."""
