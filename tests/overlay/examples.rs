//! Scenarios that were once told apart, each with what it is about. Found by the random ones, made small, and kept.

use minicontainer_layers::{Inode, Tree};

use crate::scenario::Scenario;

/// Name and scenario.
pub fn all() -> Vec<(&'static str, Scenario)> {
    vec![("nothing happens", Scenario { layers: vec![Tree::from([("/a", Inode::file("x"))])], operations: vec![] })]
}
