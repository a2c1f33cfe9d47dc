//! The layers of an overlay in the form that this kernel accepts.
//!
//! Since Linux 6.5, fsconfig(2) takes them one by one (`lowerdir+`), each as a plain path. Older kernels take a
//! single string with colons in between, and mount(2) limits it to one page, which a few layers with long paths fill.
//! So on those kernels the paths are relative to a common directory, which is the working directory of the mounting
//! process.

use std::path::Path;

use minicontainer_core::plan::Step;

use super::{CompileError, Compiler, pairs, text, texts};
use crate::process::program::{LayerLimit, Operation, OverlayMount};
use crate::process::user_namespace::root_outside;

impl Compiler<'_> {
    /// Gives the writable layer its own tmpfs, which belongs to root of the container.
    pub(super) fn limit_layer(&self, step: &Step) -> Result<Operation, CompileError> {
        let Step::LimitWritableLayer { directory, bytes, inodes, directories } = step else {
            return Err(CompileError::no_operation(step));
        };
        let owner = root_outside(self.plan);
        let [uid, gid] = owner.unwrap_or_default().map(|id| id.to_string());
        let (size, inodes) = (bytes.to_string(), inodes.to_string());
        let mut options = vec![("source", "tmpfs"), ("mode", "0755"), ("size", &*size), ("nr_inodes", &*inodes)];
        if owner.is_some() {
            options.extend([("uid", &*uid), ("gid", &*gid)]);
        }
        Ok(Operation::LimitWritableLayer(LayerLimit {
            options: pairs(options.into_iter())?,
            directory: text(directory)?,
            directories: texts(directories)?,
            owner,
        }))
    }

    /// Mounts the layers, with their owners as on disk or as the container's user namespace maps them.
    pub(super) fn mount_overlay(&self, step: &Step) -> Result<Operation, CompileError> {
        let Step::MountOverlay { lowers, upper, idmapped, .. } = step else {
            return Err(CompileError::no_operation(step));
        };
        let overlay = overlay(step, self.context.layers_one_by_one)?;
        if !idmapped {
            return Ok(Operation::MountOverlay(overlay));
        }
        // A limited writable layer is in a tmpfs, which belongs to root of the container anyway.
        let own = upper.rsplit_once('/').map(|(directory, _)| directory.to_owned());
        let own = own.filter(|_| !self.plan.limits_writable_layer());
        let directories = texts(lowers.iter().chain(&own))?;
        Ok(Operation::MountIdmappedOverlay { namespace: self.user_namespace(step)?, directories, overlay })
    }
}

/// The mount with the layers one by one, or as one string.
fn overlay(step: &Step, one_by_one: bool) -> Result<OverlayMount, CompileError> {
    let Step::MountOverlay { lowers, upper, work, target, volatile, userxattr, .. } = step else {
        return Err(CompileError::no_operation(step));
    };
    let target = text(target)?;
    let mut options: Vec<(&str, &str)> = Vec::new();
    if one_by_one {
        options.extend(lowers.iter().map(|layer| ("lowerdir+", layer.as_str())));
    }
    options.extend([("upperdir", upper.as_str()), ("workdir", work.as_str())]);
    options.extend(volatile.then_some(("volatile", "")));
    match userxattr {
        true => options.push(("userxattr", "")),
        // Some kernels enable these features by default. Then the upper directory would hold references (a
        // directory's former name, a file without its content) instead of complete files. `userxattr` disables them
        // in any case.
        false => options.extend([("redirect_dir", "nofollow"), ("metacopy", "off")]),
    }
    if one_by_one {
        let options = [("source", "overlay")].into_iter().chain(options);
        return Ok(OverlayMount::OneByOne { options: pairs(options)?, target });
    }
    let (layers, names) = side_by_side(lowers)?;
    let mut data = format!("lowerdir={}", names.join(":"));
    for (key, value) in options {
        let value = value.replace('\\', "\\\\").replace(',', "\\,");
        data.push_str(&if value.is_empty() { format!(",{key}") } else { format!(",{key}={value}") });
    }
    if data.len() > 4095 {
        return Err(CompileError::TooManyLayers { count: lowers.len() });
    }
    Ok(OverlayMount::ByPath { layers: text(&layers)?, data: text(&data)?, target })
}

/// The deepest directory above all layers, and the path of each layer relative to it. In a store, these paths are
/// short enough for the one page of options of mount(2), and contain no characters that need escaping.
fn side_by_side(lowers: &[String]) -> Result<(String, Vec<String>), CompileError> {
    let Some(first) = lowers.first() else { return Ok((String::new(), Vec::new())) };
    let is_above_all = |above: &&Path| lowers.iter().all(|lower| Path::new(lower).starts_with(above));
    let above = Path::new(first).ancestors().skip(1).find(is_above_all).unwrap_or(Path::new("/"));
    let relative = |lower: &String| {
        let name = Path::new(lower).strip_prefix(above).ok()?.to_str()?.to_owned();
        (above.parent().is_some() && !name.contains([':', ',', '\\'])).then_some(name)
    };
    let names = lowers.iter().map(|lower| {
        relative(lower).ok_or_else(|| CompileError::ScatteredLayers { first: first.clone(), second: lower.clone() })
    });
    Ok((above.display().to_string(), names.collect::<Result<_, _>>()?))
}
