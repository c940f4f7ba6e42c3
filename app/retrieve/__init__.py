"""Finding evidence: both legs, fused, and read under row security."""
