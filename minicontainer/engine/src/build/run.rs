//! `RUN`, carried out: a container under the profile of every other, whose writable layer becomes a layer of the image.
//!
//! The layers so far are the overlay's lower directories; what the command writes lands in the upper one, and that is
//! packed when the command has ended. There is no network unless somebody asks: a Dockerfile is a stranger's program.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, PipeReader, Read},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use minicontainer::{
    Running, Sandbox, Stdio, Verdict,
    core::{RunOptions, options},
    rootfs::Driver,
    store::{Image, Layer},
};
use minicontainer_dockerfile::{instruction::Network, plan::RunCommand};
use oci_spec::image::ImageConfiguration;

use super::{BuildError, Carrying, files::Files, layers::Layers, mounts::Mounts, stack::Stack, stubs::Stubs};
use crate::container::Containers;
use crate::image::{ImageError, PackedLayer, layer_from_upper};

/// The name that the machine has inside.
const HOSTNAME: &str = "build";
/// A line of output that is longer is told in pieces.
const LONGEST_LINE: u64 = 16 * 1024;

impl Carrying<'_> {
    /// Runs a command upon a stage; `told` gets what it prints.
    pub(super) fn run(
        &self,
        command: &RunCommand,
        stack: &Stack,
        image: &Layers,
        mounts: &Mounts,
        told: &(dyn Fn(&[u8]) + Sync),
    ) -> Result<PackedLayer, BuildError> {
        let process = command.argv.join(" ");
        let failed = |source| BuildError::Sandbox { process: process.clone(), source: Box::new(source) };
        let transient = Containers::of(self.build.store).transient();
        let container = transient.map_err(|source| BuildError::Container { process: process.clone(), source })?;
        // One pipe for both, so that what is written first is told first.
        let (printed, writer) = io::pipe().map_err(|source| failed(minicontainer::Error::Stream { source }))?;
        let writer = Arc::new(File::from(OwnedFd::from(writer)));
        let sandbox = Sandbox::from_image(&bare_image(stack, container.path()))
            .options(self.options(command, mounts)?)
            .driver(Driver::Overlay)
            .kept_in(container.path(), container.id().as_str())
            .volatile()
            .end_with_caller()
            .stdin(Stdio::Null)
            .stdout(Stdio::File(writer.clone()))
            .stderr(Stdio::File(writer));
        let decided = sandbox.decide().map_err(failed)?;
        let noted = container.note_groups(&decided.plan);
        noted.map_err(|source| BuildError::Container { process: process.clone(), source })?;
        let targets: Vec<PathBuf> =
            decided.spec.mounts().iter().flatten().map(|mount| mount.destination().clone()).collect();
        let stubs = Stubs::of(image as &dyn Files, targets.iter().map(PathBuf::as_path))?;
        let started = sandbox.start(decided);
        // The reader sees the end when the last writer is gone, and this is one.
        drop(sandbox);
        let mut running = started.map_err(failed)?;
        let verdict = self.attend(&mut running, printed, told).map_err(failed)?;
        drop(running);
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
            return Err(BuildError::Process { process, ending });
        }
        let upper = container.path().join("upper");
        stubs.remove(&upper).map_err(|source| BuildError::Make { path: upper.clone(), source })?;
        let latest = self.request.epoch.map(|epoch| u64::try_from(epoch).unwrap_or_default());
        // The command has ended, so nothing changes any more that would be warned of.
        let packed = layer_from_upper(&upper, self.staging, latest).map_err(ImageError::from)?;
        Ok(packed.0)
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
        Ok(RunOptions {
            entrypoint: Some(Vec::new()),
            command: command.argv.clone(),
            env,
            workdir: Some(command.workdir.clone()),
            user,
            hostname: HOSTNAME.parse().ok(),
            mounts: mounts.specs.clone(),
            network,
            shm_size: self.request.run.shm_size,
            ulimits: self.request.run.ulimits.clone(),
            ..RunOptions::default()
        })
    }

    /// Tells what a command prints until it has ended.
    fn attend(
        &self,
        running: &mut Running,
        printed: PipeReader,
        told: &(dyn Fn(&[u8]) + Sync),
    ) -> Result<Verdict, minicontainer::Error> {
        let ticket = self.enlist(running)?;
        let report = thread::scope(|scope| {
            scope.spawn(move || tell_lines(BufReader::new(printed), told));
            running.wait()
        });
        self.discharge(ticket);
        Ok(report?.verdict)
    }
}

fn tell_lines(mut stream: impl BufRead, told: &(dyn Fn(&[u8]) + Sync)) {
    let mut line = Vec::new();
    loop {
        line.clear();
        // When nothing can be read any more there is nothing more to tell.
        match stream.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => told(line.strip_suffix(b"\n").unwrap_or(&line)),
        }
    }
}

/// An image of these layers that says nothing of how to run it: the plan has said all.
fn bare_image(stack: &Stack, containers: &Path) -> Image {
    let layer = |stacked: &super::stack::Stacked| Layer {
        diff_id: stacked.diff_id.clone(),
        directory: stacked.directory.clone(),
        size: 0,
    };
    Image {
        reference: None,
        id: stack.key.clone(),
        manifest_digest: stack.key.clone(),
        created: None,
        config: ImageConfiguration::default(),
        layers: stack.layers.iter().map(layer).collect(),
        containers: containers.to_owned(),
    }
}
