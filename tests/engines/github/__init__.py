"""Stand-ins for what GitHub gives a workflow: its REST API and its own actions."""
