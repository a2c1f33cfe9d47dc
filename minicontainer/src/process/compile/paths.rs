//! Compiling the steps that concern a place in the new root.

use minicontainer_core::plan::{MountAttribute, Step};

use super::numbers::attribute_bits;
use super::{CompileError, Compiler, borrowed, pairs, text};
use crate::process::program::{Bind, Operation, Source, Terminal};
use crate::sys::calls::Node;

impl Compiler<'_> {
    pub(super) fn mount(&mut self, index: usize) -> Result<Operation, CompileError> {
        let (step, later) = (&self.plan.steps[index], &self.plan.steps[index + 1..]);
        let Step::Mount { fstype, source, destination, attributes, options } = step else {
            return Err(CompileError::no_operation(step));
        };
        // The place of a mount is looked up before that mount exists.
        let place = self.places.place(destination)?;
        Ok(Operation::Mount {
            fstype: text(fstype)?,
            options: pairs([("source", source.as_str())].into_iter().chain(borrowed(options)))?,
            attributes: attribute_bits(attributes),
            place,
            slot: self.places.mount(step, later),
        })
    }

    pub(super) fn bind_mount(&mut self, index: usize) -> Result<Operation, CompileError> {
        let (step, later) = (&self.plan.steps[index], &self.plan.steps[index + 1..]);
        let Step::BindMount { source, destination, recursive, attributes, .. } = step else {
            return Err(CompileError::no_operation(step));
        };
        let place = self.places.place(destination)?;
        let of_path = || text(source).map(Source::Path);
        Ok(Operation::BindMount(Bind {
            source: self.context.sources.of_step(index).cloned().map_or_else(of_path, Ok)?,
            recursive: *recursive,
            attributes: attribute_bits(attributes),
            place,
            slot: self.places.mount(step, later),
        }))
    }

    pub(super) fn bind_device(
        &self,
        path: &str,
        major: u32,
        minor: u32,
        block: bool,
    ) -> Result<Operation, CompileError> {
        let node = node(major, minor, block);
        Ok(Operation::BindDevice { source: text(path)?, node, place: self.places.place(path)? })
    }

    pub(super) fn make_device(
        &self,
        path: &str,
        [major, minor]: [u32; 2],
        mode: u32,
        block: bool,
    ) -> Result<Operation, CompileError> {
        Ok(Operation::MakeDevice { mode, node: node(major, minor, block), place: self.places.place(path)? })
    }

    pub(super) fn symlink(&self, target: &str, path: &str) -> Result<Operation, CompileError> {
        Ok(Operation::Symlink { target: text(target)?, place: self.places.place(path)? })
    }

    pub(super) fn open_terminal(&self, owner: u32, size: (u16, u16)) -> Result<Operation, CompileError> {
        let missing = || CompileError::NoOperation { step: "OpenTerminal".to_owned() };
        Ok(Operation::OpenTerminal(Terminal {
            owner,
            size,
            multiplexer: self.places.place("/dev/pts/ptmx")?,
            console: self.places.place("/dev/console")?,
            socket: self.context.terminal.ok_or_else(missing)?,
        }))
    }

    pub(super) fn remount(&self, path: &str, attributes: &[MountAttribute]) -> Result<Operation, CompileError> {
        Ok(Operation::Remount { attributes: attribute_bits(attributes), place: self.places.place(path)? })
    }

    pub(super) fn set_sysctl(&self, name: &str, value: &str) -> Result<Operation, CompileError> {
        let place = self.places.place(&format!("/proc/sys/{}", name.replace('.', "/")))?;
        Ok(Operation::SetSysctl { place, value: text(value)? })
    }

    pub(super) fn mask(&self, path: &str) -> Result<Operation, CompileError> {
        Ok(Operation::MaskPath { place: self.places.place(path)?, on_host: self.places.on_host(path)? })
    }

    pub(super) fn make_readonly(&self, path: &str) -> Result<Operation, CompileError> {
        Ok(Operation::ReadonlyPath { place: self.places.place(path)?, on_host: self.places.on_host(path)? })
    }
}

fn node(major: u32, minor: u32, block: bool) -> Node {
    Node { kind: if block { libc::S_IFBLK } else { libc::S_IFCHR }, device: libc::makedev(major, minor) }
}
