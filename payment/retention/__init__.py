"""How long each kind of record is kept, and what went when its term was over."""
