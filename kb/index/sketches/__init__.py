"""Sketches of a tenant's vectors, held in memory: which few are worth comparing for a caller."""
