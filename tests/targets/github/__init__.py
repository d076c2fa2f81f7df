"""What the tests of the GitHub Actions target share."""
