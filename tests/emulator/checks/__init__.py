"""What the emulator promises, checked with boto3 on the wire.

`python checks/run.py` runs everything; each correction's check also runs without that correction, and must then fail.
"""
