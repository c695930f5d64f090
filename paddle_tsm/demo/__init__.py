"""What `paddle-tsm demo` shows, on material that it makes itself."""
