"""The channels to partner agencies. Each adapter carries one delivery and brings back what the agency answered."""
