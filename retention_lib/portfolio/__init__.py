"""What the base is worth today."""
