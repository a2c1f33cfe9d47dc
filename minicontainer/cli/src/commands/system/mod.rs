//! Commands about the store as a whole.
//!
//! ```text
//! check   whether it is sound, and its repair; also `image verify`
//! df      how much room it takes
//! ```

pub mod check;
pub mod df;
