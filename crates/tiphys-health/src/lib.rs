//! Health of one object by the rules of its kind.
