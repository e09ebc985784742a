"""What `/metrics` tells, written down for people."""
