"""What a finished street is made of: the names of its calls, and records of it."""
