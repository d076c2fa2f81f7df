"""What the tests of Jenkins share."""
