"""The command line, and the places where everything is put together."""
