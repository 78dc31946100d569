"""HTTP/1.1 with a total deadline for every call."""
