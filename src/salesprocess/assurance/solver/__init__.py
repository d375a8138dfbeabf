"""Values that meet rules: found, or shown not to exist."""
