//! Local accounts, passwords and tokens.
