"""How runners build what they run."""
