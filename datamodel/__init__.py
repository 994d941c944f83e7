"""The WCO Data Model as tables, and everything derived from them. Pure: no clock, no network, no store."""
