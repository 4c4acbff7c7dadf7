"""Gray-matter maps: read, resampled, checked, and kept in a cache."""
