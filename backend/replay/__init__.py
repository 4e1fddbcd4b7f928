"""Playing a file of real events: every row becomes a message of a simulated resident, or staff intake."""
