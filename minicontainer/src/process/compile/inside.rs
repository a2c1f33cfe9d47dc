//! The steps that are about a place inside the new root.

use minicontainer_core::plan::{Plan, Step};

use super::numbers::attribute_bits;
use super::places::Places;
use super::{CompileError, Context, borrowed, pairs, text};
use crate::process::program::{Bind, Operation, Source, Terminal};
use crate::sys::calls::Node;

/// The operation of the plan's step of this index, if it is about a place inside the new root.
pub(super) fn operation(
    index: usize,
    plan: &Plan,
    places: &mut Places,
    context: &Context,
) -> Result<Option<Operation>, CompileError> {
    let (step, later) = (&plan.steps[index], &plan.steps[index + 1..]);
    // A mount's own place is looked up before the mount is there.
    let place = |path: &str| places.place(path);
    Ok(Some(match step {
        Step::Mount { fstype, source, destination, attributes, options } => Operation::Mount {
            fstype: text(fstype)?,
            options: pairs([("source", source.as_str())].into_iter().chain(borrowed(options)))?,
            attributes: attribute_bits(attributes),
            place: place(destination)?,
            slot: places.mount(step, later),
        },
        Step::BindMount { source, destination, recursive, attributes, .. } => Operation::BindMount(Bind {
            source: context.sources.of_step(index).cloned().map_or_else(|| text(source).map(Source::Path), Ok)?,
            recursive: *recursive,
            attributes: attribute_bits(attributes),
            place: place(destination)?,
            slot: places.mount(step, later),
        }),
        Step::BindDevice { path, major, minor, block } => {
            Operation::BindDevice { source: text(path)?, node: node(*major, *minor, *block), place: place(path)? }
        }
        Step::MakeDevice { path, major, minor, mode, block } => {
            Operation::MakeDevice { mode: *mode, node: node(*major, *minor, *block), place: place(path)? }
        }
        Step::Symlink { target, path } => Operation::Symlink { target: text(target)?, place: place(path)? },
        Step::OpenTerminal { owner, rows, columns } => Operation::OpenTerminal(Terminal {
            owner: *owner,
            size: (*rows, *columns),
            multiplexer: place("/dev/pts/ptmx")?,
            console: place("/dev/console")?,
            socket: context.terminal.ok_or_else(|| CompileError::no_operation(step))?,
        }),
        Step::Remount { destination, attributes } => {
            Operation::Remount { attributes: attribute_bits(attributes), place: place(destination)? }
        }
        Step::SetSysctl { name, value } => Operation::SetSysctl {
            place: place(&format!("/proc/sys/{}", name.replace('.', "/")))?,
            value: text(value)?,
        },
        Step::MaskPath { path } => Operation::MaskPath { place: place(path)?, on_host: places.on_host(path)? },
        Step::ReadonlyPath { path } => Operation::ReadonlyPath { place: place(path)?, on_host: places.on_host(path)? },
        _ => return Ok(None),
    }))
}

fn node(major: u32, minor: u32, block: bool) -> Node {
    Node { kind: if block { libc::S_IFBLK } else { libc::S_IFCHR }, device: libc::makedev(major, minor) }
}
