"""What traders are told: one log for each account, which they pull, listen to, or have sent to an address of theirs."""
