"""Names and numbers that packs compare with."""
