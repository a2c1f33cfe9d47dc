//! `RUN`: runs a container with the default profile; its writable layer becomes a layer of the image.
//!
//! The layers so far are the overlay's lower directories. The command writes to the upper directory, which is packed
//! when the command has exited. There is no network unless the user allows it, because a Dockerfile is untrusted.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use minicontainer::{
    Launch, Running, Sandbox, Stdio, Verdict,
    core::{RunOptions, explain::Message, options},
    rootfs::Driver,
    store::{Image, Layer},
};
use minicontainer_dockerfile::{instruction::Network, plan::RunCommand};

use super::{
    BuildError, BuildRun, RunContainer, RunContainerError, files::Files, layers::Layers, mount_points::MountPoints,
    mounts::Mounts, network_errors::is_network_error, stack::Stack,
};
use minicontainer_images::{ImageError, PackedLayer, layer_from_upper};

/// The hostname in the container.
const HOSTNAME: &str = "build";
/// The maximum length of a line of output. Longer lines are forwarded in pieces.
const LONGEST_LINE: usize = 16 * 1024;
/// For a command that needs the network that it does not have.
const NETWORK_HINT: &str = "RUN has no network by default: build with --network host, if you trust the Dockerfile; or \
                            download the files before, and COPY them";

impl BuildRun<'_> {
    /// Runs a command in a stage; `print` receives its output.
    pub(super) fn run(
        &self,
        command: &RunCommand,
        stack: &Stack,
        image: &Layers,
        mounts: &Mounts,
        print: &(dyn Fn(&[u8]) + Sync),
    ) -> Result<(PackedLayer, Vec<Message>), BuildError> {
        let process = command.argv.join(" ");
        let failed = |source| BuildError::Sandbox { process: process.clone(), source: Box::new(source) };
        let no_container = |source| BuildError::Container { process: process.clone(), source };
        let container = self.build.containers.create().map_err(no_container)?;
        let options = self.options(command, mounts)?;
        let lacks_network = options.network == options::Network::None;
        let sandbox = Sandbox::from_image(&bare_image(stack, &self.build.store.containers_directory()))
            .options(options)
            .driver(Driver::Overlay)
            .kept_in(container.directory(), container.id())
            .volatile()
            .end_with_caller()
            .stdout(Stdio::Piped)
            .stderr_to_stdout();
        let launch = sandbox.launch().map_err(failed)?;
        let targets: Vec<PathBuf> =
            launch.spec().mounts().iter().flatten().map(|mount| mount.destination().clone()).collect();
        let stubs = MountPoints::of(image as &dyn Files, targets.iter().map(PathBuf::as_path))?;
        let is_unreachable = AtomicBool::new(false);
        let print = |line: &[u8]| {
            is_unreachable.fetch_or(lacks_network && is_network_error(line), Ordering::Relaxed);
            print(line);
        };
        let verdict = self.run_to_end(container.as_ref(), launch, &print).map_err(no_container)?;
        if self.is_cancelled() {
            return Err(BuildError::Interrupted);
        }
        let ending = match verdict {
            Verdict::Exited(0) => String::new(),
            Verdict::Exited(code) => format!("exit code: {code}"),
            Verdict::Signalled(signal) => format!("exit code: {}", 128 + signal),
            other => format!("{other:?}"),
        };
        if !ending.is_empty() {
            let hint = match (is_unreachable.into_inner(), command.network) {
                (false, _) => "",
                (true, Network::None) => "it has no network: remove --network=none from RUN",
                (true, _) => NETWORK_HINT,
            };
            return Err(BuildError::Process { process, ending, hint });
        }
        let upper = container.directory().join("upper");
        stubs.remove(&upper).map_err(|source| BuildError::Make { path: upper.clone(), source })?;
        let latest = self.request.epoch.map(|epoch| u64::try_from(epoch).unwrap_or_default());
        let (packed, warnings) = layer_from_upper(&upper, self.staging, latest).map_err(ImageError::from)?;
        // For example, a file name is reserved for whiteouts.
        Ok((packed, warnings))
    }

    fn options(&self, command: &RunCommand, mounts: &Mounts) -> Result<RunOptions, BuildError> {
        let mut env = mounts.env.clone();
        for entry in command.env.iter().chain(&command.proxies) {
            let name = entry.split('=').next().unwrap_or_default().to_owned();
            env.push(entry.parse().map_err(|source| BuildError::Variable { name, source })?);
        }
        let user = match command.user.as_str() {
            "" => None,
            user => Some(user.parse()),
        };
        let user = user
            .transpose()
            .map_err(|source| BuildError::User { user: command.user.clone(), source: Box::new(source) })?;
        let network = match (command.network, self.request.network) {
            (Network::Host, options::Network::None) => return Err(BuildError::HostNetwork),
            (Network::Default | Network::Host, allowed) => allowed,
            (Network::None, _) => options::Network::None,
        };
        let mut options = RunOptions::default();
        options.entrypoint = Some(Vec::new());
        options.command = command.argv.clone();
        options.env = env;
        options.workdir = Some(command.workdir.clone());
        options.user = user;
        options.hostname = HOSTNAME.parse().ok();
        options.mounts = mounts.specs.clone();
        options.network = network;
        options.shm_size = self.request.run.shm_size;
        options.ulimits = self.request.run.ulimits.clone();
        Ok(options)
    }

    /// Runs a container and forwards its output. Cancelling the build kills the container.
    fn run_to_end(
        &self,
        container: &dyn RunContainer,
        launch: Launch,
        print: &(dyn Fn(&[u8]) + Sync),
    ) -> Result<Verdict, RunContainerError> {
        let (mut ticket, mut begun) = (None, Vec::new());
        let mut started = |running: &Running| {
            ticket = Some(self.register(running)?);
            Ok(())
        };
        let report = container.run(launch, &mut started, &mut |bytes| print_lines(&mut begun, bytes, print));
        if !begun.is_empty() {
            print(&begun);
        }
        if let Some(ticket) = ticket {
            self.unregister(ticket);
        }
        Ok(report?.verdict)
    }
}

/// Prints every complete line. The beginning of an incomplete line stays in `begun`.
fn print_lines(begun: &mut Vec<u8>, bytes: &[u8], print: &dyn Fn(&[u8])) {
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let mut piece = piece;
        while begun.len() + piece.len() > LONGEST_LINE {
            let (fits, rest) = piece.split_at(LONGEST_LINE - begun.len());
            begun.extend_from_slice(fits);
            print(begun);
            begun.clear();
            piece = rest;
        }
        begun.extend_from_slice(piece);
        if let Some(line) = begun.strip_suffix(b"\n") {
            print(line);
            begun.clear();
        }
    }
}

/// An image with these layers. Its config is empty, because the plan already contains the command's settings.
fn bare_image(stack: &Stack, containers: &Path) -> Image {
    let layer = |stacked: &super::stack::StageLayer| Layer {
        diff_id: stacked.diff_id.clone(),
        key: stacked.key.clone(),
        directory: stacked.directory.clone(),
        size: 0,
    };
    Image {
        reference: None,
        registry_digest: None,
        id: stack.key.clone(),
        manifest_digest: stack.key.clone(),
        config: Default::default(),
        layers: stack.layers.iter().map(layer).collect(),
        containers: containers.to_owned(),
    }
}
