//! Commands about the store as a whole.
//!
//! ```text
//! df      how much room it takes
//! ```

pub mod df;
