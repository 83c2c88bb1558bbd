"""Things that packs and their tests handle by name."""
