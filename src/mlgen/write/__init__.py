"""The only writer into a user's repository: header, lock, comparison, atomic replacement."""
