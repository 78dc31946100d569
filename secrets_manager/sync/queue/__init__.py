"""The keys that wait for a worker, their order, and the schedule of polls."""
