"""A whole single window on one machine, out of real processes that speak real HTTP, to try and to test it."""
