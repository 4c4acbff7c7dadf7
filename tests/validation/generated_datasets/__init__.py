"""Generated datasets against their truth."""
