"""How many bicycles are hired tomorrow: a small model, its training, its service and its monitoring."""
