//! A container that answers: its program is a shell that reads commands from a pipe.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
};

use minicontainer::{
    Hooks, Running, Sandbox, Stdio, Store,
    core::{RunOptions, plan::Plan},
    rootfs,
    store::Image,
};
use minicontainer_engine::{
    Container,
    container::{AfterExit, Attended},
};

use crate::{
    commands::create::{Recorded, Wanted, create},
    error::{Context, Failure},
};

/// A container whose shell waits for commands. Dropped, it is killed, and the next command sweeps up what is left.
pub struct Actor {
    hostname: String,
    attended: Attended,
    running: Running,
    commands: File,
    answers: BufReader<File>,
}

impl Actor {
    /// Starts a container that bears a name of its own among machines.
    pub fn start(store: &Store, image: &Image, hostname: &str) -> Result<Actor, Failure> {
        let options = RunOptions {
            command: vec!["sh".to_owned()],
            hostname: Some(hostname.parse().map_err(|error| Failure::new(format!("{error}")))?),
            ..RunOptions::default()
        };
        let sandbox = Sandbox::from_image(image).options(options.clone()).stdin(Stdio::Piped).stdout(Stdio::Piped);
        let (asked_for, after_exit) = ("busybox", AfterExit::Remove);
        let wanted = Wanted { name: None, image, asked_for, options: &options, after_exit };
        let Recorded { launch, mut attended } = create(store, sandbox, wanted)?;
        let mut running = match launch.start(Hooks::none()) {
            Ok(running) => running,
            Err(error) => {
                attended.remove()?;
                return Err(error.into());
            }
        };
        attended.started(running.first_process_id())?;
        let pipes = running.stdin.take().zip(running.stdout.take());
        let (commands, answers) = pipes.context("the container's shell has no pipes")?;
        Ok(Actor { hostname: hostname.to_owned(), attended, running, commands, answers: BufReader::new(answers) })
    }

    /// The one line that a command answers with.
    pub fn ask(&mut self, command: &str) -> Result<String, Failure> {
        writeln!(self.commands, "{command}").context("cannot write to the container's shell")?;
        let mut answer = String::new();
        let read = self.answers.read_line(&mut answer).context("cannot read what the container's shell answers")?;
        match read {
            0 => Err(Failure::new(format!("the container's shell ended instead of answering to: {command}"))),
            _ => Ok(answer.trim_end_matches('\n').to_owned()),
        }
    }

    /// What it has changed in its image's files, as `diff` shows it.
    pub fn changes(&self, image: &Image) -> Result<String, Failure> {
        let layers: Vec<_> = image.layers.iter().map(|layer| layer.directory.clone()).collect();
        let changes = rootfs::changes(&layers, &self.attended.place(), self.container().config.driver)?;
        Ok(changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }

    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    pub fn container(&self) -> &Container {
        self.attended.container()
    }

    /// Its process on the host.
    pub fn pid(&self) -> u32 {
        self.running.id()
    }

    pub fn plan(&self) -> &Plan {
        self.running.plan()
    }

    /// Lets the shell come to the end of its input, and removes the container.
    pub fn end(self) -> Result<(), Failure> {
        let Actor { attended, mut running, commands, .. } = self;
        drop(commands);
        let report = running.wait()?;
        Ok(attended.ended(&report)?)
    }
}
