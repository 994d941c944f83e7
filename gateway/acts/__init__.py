"""What is done to a case after its declaration was accepted: one verb a module, what they share in `common`."""
