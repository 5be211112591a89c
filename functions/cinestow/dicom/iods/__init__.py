"""Information Object Definitions: a list of modules each (PS3.3 A.6, A.32)."""
