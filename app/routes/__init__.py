"""HTTP routes, one file for each family of the contract."""
