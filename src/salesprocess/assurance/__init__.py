"""What can be said of a process before deals run through it."""
