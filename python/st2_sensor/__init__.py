"""Runs one sensor: what st2d starts for each of them. `SENSORS.md` tells how the two talk."""
