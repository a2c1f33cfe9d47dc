//! The flags for the environment and the labels of a container, which can also come from files.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fs::File,
    io::Read,
};

use clap::Args;
use minicontainer::core::options::{EnvVar, Label, key_value_file};

use super::options::parse_all;
use crate::error::{Context, Failure};

/// The maximum size of a file of variables or labels. A device could be endless.
const FILE_LIMIT: u64 = 16 << 20;

/// The flags for the environment and the labels.
#[derive(Debug, Args)]
#[command(next_help_heading = "Variables and labels")]
pub struct MetadataArguments {
    /// Set an environment variable; NAME alone takes the value from your environment, and if it has none, removes the
    /// image's variable
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,

    /// Set the environment variables in a file: one NAME=VALUE or NAME per line, # begins a comment
    #[arg(long, value_name = "FILE")]
    env_file: Vec<String>,

    /// Add a label, which `ps --filter label=NAME` finds
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    label: Vec<String>,

    /// Add the labels in a file, one per line
    #[arg(long, value_name = "FILE")]
    label_file: Vec<String>,
}

impl MetadataArguments {
    /// The variables, and the names of those that are removed. Those of files come first, so that others replace them.
    pub fn variables(&self) -> Result<(Vec<EnvVar>, BTreeSet<String>), Failure> {
        let own = |name: &str| env::var(name).ok();
        let (mut variables, mut removed) = (Vec::new(), BTreeSet::new());
        for file in &self.env_file {
            let content = read("--env-file", file)?;
            let of_file = key_value_file::variables(file, &content, own);
            variables.extend(of_file.map_err(|error| Failure::of_argument("--env-file", error))?);
        }
        let given = parse_all("-e, --env", &self.env, |text| EnvVar::parse(text, own).map(|given| (text, given)))?;
        for (text, given) in given {
            match given {
                Some(variable) => {
                    removed.remove(variable.name());
                    variables.push(variable);
                }
                // As in Docker. In a file, such a line has no effect.
                None => {
                    variables.retain(|variable| variable.name() != text);
                    removed.insert(text.to_owned());
                }
            }
        }
        Ok((variables, removed))
    }

    /// The labels. A label on the command line replaces one in a file.
    pub fn labels(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut labels = Vec::new();
        for file in &self.label_file {
            let of_file = key_value_file::labels(file, &read("--label-file", file)?);
            labels.extend(of_file.map_err(|error| Failure::of_argument("--label-file", error))?);
        }
        labels.extend(parse_all("-l, --label", &self.label, str::parse)?);
        Ok(labels.into_iter().map(|Label { name, value }| (name, value)).collect())
    }
}

fn read(flag: &str, file: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|content| content.take(FILE_LIMIT + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("invalid argument for {flag}: cannot read {file}"))?;
    match bytes.len() as u64 {
        0..=FILE_LIMIT => Ok(bytes),
        _ => Err(Failure::new(format!("invalid argument for {flag}: {file} is larger than {FILE_LIMIT} bytes"))),
    }
}
