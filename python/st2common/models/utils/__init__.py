"""Rules of things."""
