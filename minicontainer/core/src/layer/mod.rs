//! A layer as a set of changes. (being written)
