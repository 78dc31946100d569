"""The client of the API server: calls, credentials, pages and the meaning of errors."""
