"""Measures that training and evaluation both stand on."""
