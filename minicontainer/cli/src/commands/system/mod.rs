//! Commands about the store as a whole.
//!
//! ```text
//! check   verify and repair the store; also `image verify`
//! df      show disk usage
//! prune   remove unused data
//! ```

pub mod check;
pub mod df;
pub mod prune;
