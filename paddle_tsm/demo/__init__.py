"""What `paddle-tsm demo` shows, and the material that it makes for it."""
