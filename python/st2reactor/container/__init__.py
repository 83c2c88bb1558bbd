"""What runs sensors, as far as packs see it."""
