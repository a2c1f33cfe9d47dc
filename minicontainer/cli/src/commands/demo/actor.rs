//! A container that answers questions: its program is a shell that reads commands from a pipe.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
};

use minicontainer::{
    Hooks, Sandbox, Stdio,
    core::{RunOptions, plan::Plan},
    rootfs,
    store::Image,
};
use minicontainer_engine::{Container, CreateRequest, Engine, StartedContainer, container::AfterExit, supervise::Io};

use crate::error::{Context, Failure};

/// A container whose shell waits for commands. When dropped, it is killed and removed.
pub struct Actor {
    hostname: String,
    directory: PathBuf,
    started: StartedContainer,
    commands: File,
    answers: BufReader<File>,
}

impl Actor {
    /// Starts a container with its own host name.
    pub fn start(engine: &Engine, image: &Image, hostname: &str) -> Result<Actor, Failure> {
        let mut options = RunOptions::default();
        options.command = vec!["sh".to_owned()];
        options.hostname = Some(hostname.parse().map_err(|error| Failure::new(format!("{error}")))?);
        let sandbox = Sandbox::from_image(image).options(options.clone()).stdin(Stdio::Piped).stdout(Stdio::Piped);
        let created = engine.create(CreateRequest {
            sandbox,
            image,
            image_name: "busybox",
            options: &options,
            name: None,
            after_exit: AfterExit::Remove,
        })?;
        let mut started = created.start(Hooks::none())?;
        let running = started.running_mut();
        let pipes = running.stdin.take().zip(running.stdout.take());
        let (commands, answers) = pipes.context("the container's shell has no pipes")?;
        let directory = engine.containers().place(&started.container().id);
        let (hostname, answers) = (hostname.to_owned(), BufReader::new(answers));
        Ok(Actor { hostname, directory, started, commands, answers })
    }

    /// The one line that a command prints.
    pub fn ask(&mut self, command: &str) -> Result<String, Failure> {
        writeln!(self.commands, "{command}").context("cannot write to the container's shell")?;
        let mut answer = String::new();
        let read = self.answers.read_line(&mut answer).context("cannot read the output of the container's shell")?;
        match read {
            0 => Err(Failure::new(format!("the container's shell exited instead of answering: {command}"))),
            _ => Ok(answer.trim_end_matches('\n').to_owned()),
        }
    }

    /// The changes to its image's files, as `diff` shows them.
    pub fn changes(&self, image: &Image) -> Result<String, Failure> {
        let layers: Vec<_> = image.layers.iter().map(|layer| layer.directory.clone()).collect();
        let changes = rootfs::changes(&layers, &self.directory, self.container().config.driver)?;
        Ok(changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }

    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    pub fn container(&self) -> &Container {
        self.started.container()
    }

    /// The pid of its process on the host.
    pub fn pid(&self) -> u32 {
        self.started.running().id()
    }

    pub fn plan(&self) -> &Plan {
        self.started.running().plan()
    }

    /// Closes the shell's input, waits for its exit, and removes the container.
    pub fn end(self) -> Result<(), Failure> {
        let Actor { started, commands, .. } = self;
        drop(commands);
        started.supervise(Io::Connected, &mut ())?.complete()?;
        Ok(())
    }
}
