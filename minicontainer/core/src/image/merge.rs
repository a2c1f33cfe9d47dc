//! Merges image configs: the config of a container, and the config of the image that `commit` creates.
//!
//! A container has its own config: the options of `run`, with the image's config for everything that they do not set.
//! `commit` merges in the same way: the requested changes, with the container's config for everything else. The rules
//! are those of `merge` in moby's [`commit.go`][1]: a field that is set wins, and variables, labels, ports and
//! volumes of both are kept. `Shell` and `OnBuild` are not inherited, because they concern the build of the image and
//! not its containers.
//!
//! ```
//! use minicontainer_core::RunOptions;
//! use minicontainer_core::image::{Config, config_of_container};
//!
//! let image = Config { env: vec!["A=1".into()], cmd: vec!["sh".into()], ..Config::default() };
//! let mut options = RunOptions::default();
//! options.env.push("B=2".parse()?);
//! let container = config_of_container(&options, &image);
//! assert_eq!((container.env.as_slice(), container.cmd), (["B=2".into(), "A=1".into()].as_slice(), image.cmd));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [1]: https://github.com/moby/moby/blob/master/daemon/commit.go

use std::collections::BTreeSet;

use super::{Config, HealthConfig, removes};
use crate::options::RunOptions;

/// Whether a config without an entrypoint inherits the entrypoint of its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrypoint {
    /// It inherits the entrypoint. In Docker's code the field is nil.
    Inherited,
    /// It was set, even if to nothing.
    Set,
}

impl Config {
    /// Fills the fields that this config does not set from another config.
    #[must_use]
    pub fn completed_by(mut self, base: &Config, entrypoint: Entrypoint) -> Config {
        let or = |own: &mut String, base: &String| {
            if own.is_empty() {
                own.clone_from(base);
            }
        };
        or(&mut self.user, &base.user);
        or(&mut self.working_dir, &base.working_dir);
        let has = |names: &BTreeSet<String>, entry: &str| names.contains(name(entry));
        let names: BTreeSet<String> = self.env.iter().map(|entry| name(entry).to_owned()).collect();
        self.env.extend(base.env.iter().filter(|entry| !has(&names, entry)).cloned());
        for (label, value) in &base.labels {
            self.labels.entry(label.clone()).or_insert_with(|| value.clone());
        }
        self.exposed_ports.extend(base.exposed_ports.clone());
        self.volumes.extend(base.volumes.clone());
        // The command of the base belongs to the entrypoint of the base.
        if self.entrypoint.is_empty() {
            if self.cmd.is_empty() {
                self.cmd.clone_from(&base.cmd);
            }
            if entrypoint == Entrypoint::Inherited {
                self.entrypoint.clone_from(&base.entrypoint);
            }
        }
        self.stop_signal = self.stop_signal.filter(|signal| !signal.is_empty()).or_else(|| base.stop_signal.clone());
        self.healthcheck = match (self.healthcheck, &base.healthcheck) {
            (Some(own), Some(base)) => Some(completed_check(own, base)),
            (own, base) => own.or_else(|| base.clone()),
        };
        self
    }
}

fn completed_check(own: HealthConfig, base: &HealthConfig) -> HealthConfig {
    let or = |own: u64, base: u64| if own == 0 { base } else { own };
    HealthConfig {
        test: if own.test.is_empty() { base.test.clone() } else { own.test },
        interval: or(own.interval, base.interval),
        timeout: or(own.timeout, base.timeout),
        start_period: or(own.start_period, base.start_period),
        start_interval: or(own.start_interval, base.start_interval),
        retries: or(own.retries, base.retries),
    }
}

/// The config of a container that was created with these options from an image with this config.
pub fn config_of_container(options: &RunOptions, image: &Config) -> Config {
    let mut env: Vec<String> = Vec::new();
    for (index, variable) in options.env.iter().enumerate() {
        // A later one of the same name wins, as in the container itself.
        if !options.env[index + 1..].iter().any(|later| later.name() == variable.name()) {
            env.push(variable.to_string());
        }
    }
    let requested = Config {
        user: options.user.as_ref().map(ToString::to_string).unwrap_or_default(),
        env,
        entrypoint: options.entrypoint.clone().unwrap_or_default(),
        cmd: options.command.clone(),
        working_dir: options.workdir.clone().unwrap_or_default(),
        ..Config::default()
    };
    let entrypoint = if options.entrypoint.is_some() { Entrypoint::Set } else { Entrypoint::Inherited };
    let mut config = requested.completed_by(image, entrypoint);
    config.env.retain(|entry| !removes(options, entry));
    // `--entrypoint ""` only clears the image's entrypoint: moby resets it after the merge.
    if config.entrypoint == [""] {
        config.entrypoint.clear();
    }
    config
}

fn name(entry: &str) -> &str {
    entry.split_once('=').map_or(entry, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn image() -> Value {
        json!({
            "User": "5:6", "Env": ["A=image", "PATH=/bin"], "Cmd": ["serve"], "Entrypoint": ["entry"],
            "WorkingDir": "/srv", "Labels": {"a": "image", "b": "image"}, "ExposedPorts": {"80/tcp": {}},
            "Volumes": {"/data": {}}, "StopSignal": "SIGINT", "Shell": ["sh"], "OnBuild": ["RUN true"],
            "Healthcheck": {"Test": ["CMD", "ok"], "Interval": 5, "Retries": 2}
        })
    }

    fn config(value: Value) -> Config {
        serde_json::from_value(value).unwrap()
    }

    #[track_caller]
    fn check(own: Value, entrypoint: Entrypoint, changes: Value) {
        let merged = config(own).completed_by(&config(image()), entrypoint);
        let mut expect = image();
        let expect = expect.as_object_mut().unwrap();
        for field in ["Shell", "OnBuild"] {
            expect.remove(field);
        }
        for (field, value) in changes.as_object().unwrap() {
            match value.is_null() {
                true => expect.remove(field),
                false => expect.insert(field.clone(), value.clone()),
            };
        }
        assert_eq!(merged, config(Value::Object(expect.clone())));
    }

    /// The cases of `merge` in moby's `daemon/commit.go`, field by field.
    #[test]
    fn fields_are_merged_as_in_moby() {
        use Entrypoint::{Inherited, Set};
        check(json!({}), Inherited, json!({}));
        let scalars = json!({"User": "7", "WorkingDir": "/w", "StopSignal": "SIGHUP"});
        check(scalars.clone(), Inherited, scalars);
        check(json!({"Env": ["B=1", "A=own"]}), Inherited, json!({"Env": ["B=1", "A=own", "PATH=/bin"]}));
        check(json!({"Labels": {"a": "own"}}), Inherited, json!({"Labels": {"a": "own", "b": "image"}}));
        check(
            json!({"ExposedPorts": {"53/udp": {}}, "Volumes": {"/v": {}}}),
            Inherited,
            json!({"ExposedPorts": {"53/udp": {}, "80/tcp": {}}, "Volumes": {"/data": {}, "/v": {}}}),
        );
        check(json!({"Cmd": ["own"]}), Inherited, json!({"Cmd": ["own"]}));
        check(json!({"Entrypoint": ["own"]}), Set, json!({"Entrypoint": ["own"], "Cmd": null}));
        check(json!({}), Set, json!({"Entrypoint": null}));
        check(
            json!({"Healthcheck": {"Timeout": 9, "Retries": 3}}),
            Inherited,
            json!({"Healthcheck": {"Test": ["CMD", "ok"], "Interval": 5, "Timeout": 9, "Retries": 3}}),
        );
    }

    #[test]
    fn container_config_combines_options_and_image() {
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let image = config(image());
        let options = RunOptions {
            env: ["A=1", "B=2", "A=3"].map(|text| text.parse().unwrap()).to_vec(),
            user: Some("daemon".parse().unwrap()),
            workdir: Some("/w".to_owned()),
            command: strings(&["own"]),
            ..RunOptions::default()
        };
        let container = config_of_container(&options, &image);
        assert_eq!(container.env, ["B=2", "A=3", "PATH=/bin"]);
        let without = RunOptions { removed_env: ["PATH".to_owned()].into(), ..options.clone() };
        assert_eq!(config_of_container(&without, &image).env, ["B=2", "A=3"]);
        assert_eq!((container.user.as_str(), container.working_dir.as_str()), ("daemon", "/w"));
        assert_eq!((container.entrypoint, container.cmd), (strings(&["entry"]), strings(&["own"])));
        // `--entrypoint ""` clears the entrypoint and the command.
        let options = RunOptions { entrypoint: Some(strings(&[""])), ..RunOptions::default() };
        let container = config_of_container(&options, &image);
        assert_eq!((container.entrypoint, container.cmd), (strings(&[]), strings(&[])));
    }
}
