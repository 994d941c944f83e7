"""What agencies are told of the deliveries that they have: that they count no more, and what the trader answered."""
