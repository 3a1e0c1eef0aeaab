"""Owns tickets, the cooking queue and the pickup numbers: what is cooked when."""
