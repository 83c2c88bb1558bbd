"""What stands in for the system in tests of packs."""
