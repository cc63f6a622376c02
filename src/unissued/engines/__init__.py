"""Runs generated queries the way the products would, offline. It knows nothing of rules."""
