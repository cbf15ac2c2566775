class Refused(ValueError):
    """Something a customer cannot have; its text says why."""
