"""What each command is called, takes and says of itself. The work is done elsewhere, imported when it is due."""
