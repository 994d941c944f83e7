"""Supporting documents: how they come in, what they are, which case and which agency they are for, and their end."""
