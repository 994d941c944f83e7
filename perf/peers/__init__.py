"""Other programs that do the same work, each in an environment of its own, timed in the same passes as ours."""
