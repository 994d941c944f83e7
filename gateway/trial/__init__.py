"""Trade test: accounts that try things out, agencies that are played, and a clock that can be put forward."""
