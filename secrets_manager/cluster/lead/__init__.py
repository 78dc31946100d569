"""The Lease: the leader, the end of its lead, and the gate that lets only its writes pass."""
