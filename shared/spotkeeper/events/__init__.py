"""The platform's events as checked values.

``envelopes.unwrap`` finds the notifications in a raw event, and ``of`` of a class of ``kinds`` reads the fields.
"""
