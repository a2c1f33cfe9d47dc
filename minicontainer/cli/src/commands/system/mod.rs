//! Commands about the store as a whole.
//!
//! ```text
//! check   whether it is sound, and its repair; also `image verify`
//! df      how much room it takes
//! prune   what nobody uses goes
//! ```

pub mod check;
pub mod df;
pub mod prune;
