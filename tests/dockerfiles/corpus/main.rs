//! Small Dockerfiles for everything in Docker's reference: each form, flag and edge case, with the resulting plan.
//!
//! A case consists of a Dockerfile, and the place in the reference, or in BuildKit's tests or code, that determines
//! the result. A snapshot shows one group of cases: the file, then each step with its line in the history and what it
//! does, the image's config, and the warnings; or the error with its line and caret. `cargo insta review` shows what
//! changed; compare it with that place, not with the previous snapshot.
//!
//! [Reference](https://docs.docker.com/reference/dockerfile/); BuildKit: `frontend/dockerfile` in moby/buildkit.

mod commands;
mod files;
mod ignore;
mod lines;
mod metadata;
mod stages;

use std::collections::BTreeMap;

use minicontainer_core::{Digest, image::ImageConfig};
use minicontainer_dockerfile::{
    BuildOptions, BuildPlan, DockerfileError, parse,
    plan::{BaseImage, Bases, Outcome, Step, plan},
};
use serde_json::Value;

/// The place that determines the result, and the Dockerfile. A file without `FROM` begins with `FROM busybox`.
type Case = (&'static str, &'static str);

/// All groups, by the names of their snapshots.
const GROUPS: [(&str, &[Case]); 20] = [
    ("directives", lines::DIRECTIVES),
    ("lines", lines::LINES),
    ("heredocs", lines::HEREDOCS),
    ("variables", lines::VARIABLES),
    ("from", stages::FROM),
    ("arg", stages::ARG),
    ("onbuild", stages::ONBUILD),
    ("run", commands::RUN),
    ("run_mount", commands::MOUNT),
    ("cmd_and_entrypoint", commands::CMD),
    ("shell", commands::SHELL),
    ("healthcheck", commands::HEALTHCHECK),
    ("copy", files::COPY),
    ("copy_flags", files::FLAGS),
    ("add", files::ADD),
    ("env", metadata::ENV),
    ("label", metadata::LABEL),
    ("expose", metadata::EXPOSE),
    ("volume_and_user", metadata::VOLUME),
    ("workdir_and_stopsignal", metadata::WORKDIR),
];

#[test]
fn corpus_is_planned_as_the_reference_says() {
    for (name, cases) in GROUPS {
        let shown: Vec<String> = cases.iter().map(show).collect();
        insta::assert_snapshot!(name, shown.join("\n"));
    }
    let count: usize = GROUPS.iter().map(|(_, cases)| cases.len()).sum();
    assert!(count >= 150, "{count} Dockerfiles");
}

/// Printing a parsed file and parsing it again does not change its meaning.
#[test]
fn corpus_round_trips_through_text() {
    for (_, text) in GROUPS.iter().flat_map(|(_, cases)| cases.iter()) {
        let Ok(file) = parse(whole(text).as_bytes()) else { continue };
        let printed = file.to_string();
        let again = parse(printed.as_bytes()).unwrap_or_else(|error| panic!("{}", error.render("printed", &printed)));
        assert_eq!(again.to_string(), printed, "{text}");
    }
}

fn whole(text: &str) -> String {
    if text.to_uppercase().contains("FROM ") { text.to_owned() } else { format!("FROM busybox\n{text}\n") }
}

/// The text of a case in the snapshot.
fn show((source, text): &Case) -> String {
    let file = whole(text);
    let mut shown = format!("=== {source}\n");
    for line in file.trim_end_matches('\n').split('\n') {
        shown += &format!("| {}\n", line.replace('\t', "⇥").replace('\r', "␍"));
    }
    match planned(&file) {
        Err(error) => shown + &error.render("Dockerfile", &file),
        Ok(plan) => shown + &of_plan(&plan),
    }
}

fn of_plan(plan: &BuildPlan) -> String {
    let mut shown = String::new();
    for stage in &plan.stages {
        if plan.stages.len() > 1 {
            shown += &format!("stage {} {}, {}\n", stage.index, stage.name, stage.platform);
        }
        stage.steps.iter().for_each(|step| shown += &of_step(step));
    }
    shown += &format!("config: {}\n", config(&plan.target().image));
    for warning in &plan.warnings {
        let place = warning.span.start;
        shown += &format!("warning: {}:{} {}: {}\n", place.line, place.column, warning.check, warning.message);
    }
    if !plan.unused_build_args.is_empty() {
        shown += &format!("not consumed: {}\n", plan.unused_build_args.join(" "));
    }
    shown
}

fn of_step(step: &Step) -> String {
    let history = step.created_by.as_deref().unwrap_or("(no history)").replace('\n', "⏎");
    let action = compact(serde_json::to_value(&step.action).unwrap());
    match action["do"].as_str() {
        Some("nothing") => format!("* {history}\n"),
        _ => format!("* {history}\n    {action}\n"),
    }
}

fn config(image: &ImageConfig) -> String {
    let mut config = compact(serde_json::to_value(&image.config).unwrap());
    if let Some(author) = &image.author {
        config["author"] = Value::from(author.as_str());
    }
    config.to_string()
}

/// Removes empty and false values, and the default `PATH`.
fn compact(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            // These maps have names as keys, so empty values matter.
            let is_map = |key: &str| matches!(key, "Labels" | "ExposedPorts" | "Volumes");
            let kept = fields.into_iter().map(|(key, value)| match is_map(&key) {
                true => (key, value),
                false => (key, compact(value)),
            });
            let is_default = |value: &Value| match value {
                Value::Null | Value::Bool(false) => true,
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(fields) if fields.is_empty() => true,
                _ => false,
            };
            Value::Object(kept.filter(|(_, value)| !is_default(value)).collect())
        }
        Value::Array(items) => {
            let usual = |item: &Value| item.as_str().is_some_and(|text| text.starts_with("PATH=/usr/local/sbin:"));
            Value::Array(items.into_iter().filter(|item| !usual(item)).map(compact).collect())
        }
        value => value,
    }
}

/// Parses and plans. The image `base` has a config, all others are empty.
fn planned(source: &str) -> Result<BuildPlan, DockerfileError> {
    let build_args = [("GIVEN", "from the command line"), ("HTTP_PROXY", "http://proxy:3128"), ("STRAY", "1")];
    let options = BuildOptions {
        build_args: build_args.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..BuildOptions::default()
    };
    let file = parse(source.as_bytes())?;
    let mut bases = Bases::new();
    loop {
        match plan(&file, &options, &bases)? {
            Outcome::Plan(plan) => return Ok(plan),
            Outcome::Needs(images) => bases.extend(images.into_iter().map(|image| {
                let digest = Digest::of(image.reference.as_bytes());
                let config = if image.reference.contains("/base:") { base() } else { ImageConfig::default() };
                (image, BaseImage { digest, config })
            })),
        }
    }
}

/// A base image whose config sets every field.
fn base() -> ImageConfig {
    let mut image = ImageConfig { os: "linux".into(), architecture: "amd64".into(), ..ImageConfig::default() };
    let config = &mut image.config;
    config.env = vec!["LANG=C".into(), "HOME=/home/ada".into()];
    config.entrypoint = vec!["/entry".into()];
    config.cmd = vec!["serve".into()];
    config.working_dir = "/srv".into();
    config.user = "ada".into();
    config.labels = BTreeMap::from([("vendor".into(), "base".into())]);
    config.on_build = vec!["COPY <<EOF /trigger\nhi\nEOF".into(), "RUN make $LANG".into()];
    image
}
