"""A virtual agency: its own process, real HTTP, decisions that follow a few lines of TOML. See `--help`."""
