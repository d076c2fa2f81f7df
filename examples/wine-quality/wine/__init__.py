"""Predicts which of three cultivars a wine was made from, given its chemistry."""
