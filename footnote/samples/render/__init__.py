"""One module for each file format; each turns a sample into the bytes of a file."""
