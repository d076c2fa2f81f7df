"""Travis CI on this machine: its condition language and what it does with a .travis.yml, for the tests."""
