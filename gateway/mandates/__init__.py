"""Acting for another party: whose identifiers are whose, who may lodge for whom, and what that party has to confirm."""
