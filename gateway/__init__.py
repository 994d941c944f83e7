"""The single window itself: takes declarations in, routes them to agencies, gathers decisions, answers traders."""
