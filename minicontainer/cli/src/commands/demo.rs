//! stub
use std::process::ExitCode;
use crate::error::Failure;
/// Two containers of one image
#[derive(Debug, clap::Args)]
pub struct DemoArguments {}
/// x
pub fn execute(_: &DemoArguments) -> Result<ExitCode, Failure> { Ok(ExitCode::SUCCESS) }
