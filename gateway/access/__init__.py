"""Who calls, and what he may do: accounts and their keys, the table of rights, how much one may ask for."""
