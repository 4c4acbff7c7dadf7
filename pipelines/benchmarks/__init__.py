"""Measurements that anyone can repeat: speed, and separation where the truth is known."""
