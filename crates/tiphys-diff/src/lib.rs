//! Normalises and compares desired with live objects, and computes the patch between them.
