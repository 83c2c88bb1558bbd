"""What actions and sensors ask the system for."""
