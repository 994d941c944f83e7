"""The measuring house: what conversion and service cost, always as a ratio to a floor or a peer in the same run.

Nothing of the program imports this package. Run it as `python -m perf`, or `make perf`.
"""
