//! `inspect`: all that is known, as JSON in Docker's words, so that scripts written for Docker find what they look for.

use std::{fs, process::ExitCode};

use anyhow::Context;
use clap::{Args, ValueEnum};
use minicontainer::{Store, Verdict, core::plan::RootFs, rootfs, store::StoreError};
use minicontainer_engine::{
    Container, ContainerError, Containers, State,
    container::{AfterExit, Moment, exit_code},
};
use minicontainer_images::ImageError;
use serde_json::{Value, json};

use super::{find_image, image::inspect::document, list};
use crate::commands::open_store;
use crate::{error::Failure, format::Format, output};

/// Show all that is known, as JSON
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer inspect one
  minicontainer inspect --format '{{.State.ExitCode}}' one
  minicontainer inspect --format '{{json .GraphDriver}}' one
  minicontainer inspect --format '{{range .Config.Env}}{{println .}}{{end}}' one
  minicontainer image inspect busybox
  minicontainer image inspect --format '{{range .Sharing.Layers}}{{println .Size .SharedWith}}{{end}}' busybox

Templates are Docker's: {{.Field.Inner}}, {{if}}, {{range}}, {{index .List 0}}, {{json .Field}}, {{join .List \", \"}} …")]
pub struct InspectArguments {
    /// Show by a template: json or '{{.Field.Inner}} …'
    #[arg(short, long, value_name = "TEMPLATE")]
    format: Option<String>,

    /// Names, ids, or beginnings of ids
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Show all that is known of containers or images, as JSON
#[derive(Debug, Args)]
pub struct InspectAnyArguments {
    /// Only things of this kind [default: a container of that name, or else an image]
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<Kinds>,

    #[command(flatten)]
    inspect: InspectArguments,
}

/// What `--type` can say.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kinds {
    Container,
    Image,
}

/// A kind of thing that can be inspected: its name, and how one is found.
pub type Kind = (&'static str, fn(&Store, &str) -> Result<Option<Value>, Failure>);

/// Containers.
pub const CONTAINER: Kind = ("container", |store, name| match Containers::of(store).find(name) {
    Ok(container) => container_document(store, &container).map(Some),
    Err(ContainerError::Unknown { .. }) => Ok(None),
    Err(error) => Err(error.into()),
});

/// Images.
pub const IMAGE: Kind = ("image", |store, name| match minicontainer_images::find(store, name) {
    Ok(image) => document(store, &image).map(Some),
    Err(ImageError::Store(StoreError::UnknownImage { .. } | StoreError::BadReference { .. })) => Ok(None),
    Err(error) => Err(error.into()),
});

/// Inspects whatever has the name.
pub fn execute_any(arguments: &InspectAnyArguments) -> Result<ExitCode, Failure> {
    match arguments.kind {
        None => execute(&arguments.inspect, &[CONTAINER, IMAGE]),
        Some(Kinds::Container) => execute(&arguments.inspect, &[CONTAINER]),
        Some(Kinds::Image) => execute(&arguments.inspect, &[IMAGE]),
    }
}

/// Prints a list of documents; what is not there does not hide the others.
pub fn execute(arguments: &InspectArguments, kinds: &[Kind]) -> Result<ExitCode, Failure> {
    let format = arguments.format.as_deref().map(Format::parse).transpose()?;
    let store = open_store()?;
    let (mut documents, mut missing) = (Vec::new(), Vec::new());
    for name in &arguments.names {
        match find(&store, kinds, name)? {
            Some(document) => documents.push(document),
            None => missing.push(name),
        }
    }
    match format {
        None => output::print_json(&documents)?,
        // One list, as Docker has it, and not a line for each.
        Some(Format::Json) => output::print_line(&output::json_text(&documents.into()))?,
        Some(format) => output::print(&format.render(&documents, &str::to_uppercase)?)?,
    }
    let what = if let [(kind, _)] = kinds { kind } else { "object" };
    for name in &missing {
        let failure = Failure::new(format!("No such {what}: {name}"));
        failure.hint("`minicontainer ps -a` and `minicontainer images` list what there is").print();
    }
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find(store: &Store, kinds: &[Kind], name: &str) -> Result<Option<Value>, Failure> {
    for (_, find) in kinds {
        if let Some(document) = find(store, name)? {
            return Ok(Some(document));
        }
    }
    Ok(None)
}

fn container_document(store: &Store, container: &Container) -> Result<Value, Failure> {
    let directory = Containers::of(store).place(&container.id);
    let path = directory.join("config.json");
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let config: Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is no JSON document", path.display()))?;
    let of_config = |path: &str| config.pointer(path).cloned().unwrap_or_default();
    let user = format!("{}:{}", of_config("/process/user/uid"), of_config("/process/user/gid"));
    let (program, arguments) = container.command.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    let network = if container.host_network { "host" } else { "none" };
    Ok(json!({
        "Id": container.id,
        "Created": container.created.to_string(),
        "Path": program,
        "Args": arguments,
        "State": state(&container.state),
        "Image": container.image_id,
        "Name": format!("/{}", container.name),
        "Driver": container.driver,
        "HostConfig": {
            "NetworkMode": network,
            "AutoRemove": container.after_exit == AfterExit::Remove,
            "ReadonlyRootfs": of_config("/root/readonly"),
            "Memory": container.limits.memory.unwrap_or_default(),
            "NanoCpus": container.limits.nano_cpus.unwrap_or_default(),
            "Privileged": container.weakened.iter().any(|flag| flag == "--privileged"),
            "CapAdd": values_of(container, "--cap-add "),
            "SecurityOpt": values_of(container, "--security-opt "),
            "Devices": of_config("/linux/devices"),
            "Ulimits": of_config("/process/rlimits"),
            "Sysctls": of_config("/linux/sysctl"),
            "MaskedPaths": of_config("/linux/maskedPaths"),
            "ReadonlyPaths": of_config("/linux/readonlyPaths"),
            "PidsLimit": of_config("/linux/resources/pids/limit"),
        },
        "GraphDriver": graph_driver(store, container)?,
        "Mounts": of_config("/mounts"),
        "Config": {
            "Hostname": of_config("/hostname"),
            "User": user,
            "Tty": of_config("/process/terminal"),
            "Env": of_config("/process/env"),
            "Cmd": of_config("/process/args"),
            "WorkingDir": of_config("/process/cwd"),
            "Image": container.image,
        },
        "NetworkSettings": {"Networks": {network: {}}},
        // Not Docker's: clocks of its own, what was left out on purpose, and where the runtime config lies.
        "TimeOffsets": of_config("/linux/timeOffsets"),
        "Without": container.without,
        "Weakened": container.weakened,
        "RuntimeConfig": path,
    }))
}

/// What was given to a flag that lowers a wall.
fn values_of<'record>(container: &'record Container, flag: &str) -> Vec<&'record str> {
    container.weakened.iter().filter_map(|one| one.strip_prefix(flag)).collect()
}

/// What Docker shows where there is no time.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

fn state(state: &State) -> Value {
    let time = |moment: Option<Moment>| moment.map_or_else(|| NEVER.to_owned(), |moment| moment.to_string());
    let (pid, code, started, finished, error) = match state {
        State::Created => (0, Some(0), None, None, ""),
        State::Failed { code, message } => (0, Some(i32::from(*code)), None, None, message.as_str()),
        State::Running { process, started } => (process.pid, Some(0), Some(*started), None, ""),
        State::Exited { code: None, started, .. } => {
            (0, None, Some(*started), None, "the engine was killed before it could see how the process ended")
        }
        State::Exited { code, started, finished, .. } => (0, *code, Some(*started), *finished, ""),
    };
    let report = match state {
        State::Exited { report: Some(report), .. } => Some(report),
        _ => None,
    };
    json!({
        "Status": list::state(state),
        "Running": matches!(state, State::Running { .. }),
        "OOMKilled": report.is_some_and(|report| report.oom_kills > 0 || report.verdict == Verdict::MemoryLimit),
        "Pid": pid,
        "ExitCode": code.or_else(|| report.map(|report| exit_code(report.verdict))),
        "Error": error,
        "StartedAt": time(started),
        "FinishedAt": time(finished),
        "Report": report,
    })
}

/// Where the layers lie, lowest last, as Docker has it.
fn graph_driver(store: &Store, container: &Container) -> Result<Value, Failure> {
    let directory = Containers::of(store).place(&container.id);
    let layers: Vec<_> =
        find_image(store, &container.image_id)?.layers.into_iter().map(|layer| layer.directory).collect();
    let data = match rootfs::describe(&layers, &directory, container.driver, false) {
        RootFs::Overlay { lowers, upper, work, target, .. } => {
            json!({"LowerDir": lowers.join(":"), "UpperDir": upper, "WorkDir": work, "MergedDir": target})
        }
        RootFs::Directory { path } => json!({"RootDir": path}),
    };
    Ok(json!({"Name": container.driver, "Data": data}))
}
