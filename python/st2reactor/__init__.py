"""What sensors of packs import."""
