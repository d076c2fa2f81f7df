"""An interpreter of the part of CircleCI that the compiled configs use, written from its documentation."""
