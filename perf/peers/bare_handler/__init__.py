"""The floor for intake: a handler that parses and validates a declaration, stores nothing, and says 202."""
