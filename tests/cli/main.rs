//! What a person sees: help, answers, and every kind of mistake.
