"""Files of packs."""
