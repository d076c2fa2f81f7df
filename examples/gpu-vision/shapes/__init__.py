"""Tells circles, squares and triangles apart: their pictures, a small network, its training and its service."""
