//! Turns the ConfigMaps and Secrets into one immutable Settings value and a list of problems.
