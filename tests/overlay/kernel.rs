//! Runs scenarios on the kernel's overlayfs, in its own mount namespace.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, FileExt, PermissionsExt},
    },
    path::Path,
};

use minicontainer_layers::{
    Inode, Kind, Tree,
    overlay::{Access, Answer, Effect, Mounter, OpenFlags, Operation, RenameHow},
};
use nix::{
    fcntl::{AT_FDCWD, OFlag, RenameFlags, open, renameat2},
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::{
        prctl,
        signal::Signal,
        stat::{Mode, SFlag, UtimensatFlags, mknod, umask, utimensat},
        time::TimeSpec,
    },
    unistd::{self, Gid, Uid, chdir, chroot, fchdir, mkfifo, truncate},
};

use crate::{
    disk::Marks,
    scenario::{Result, Scenario},
    scratch::Scratch,
};

/// A user who owns nothing. Root becomes this user to test the overlays of ordinary users.
const ORDINARY_USER: u32 = 54_321;

pub struct Kernel {
    mounter: Mounter,
    marks: Marks,
    scratch: Scratch,
    /// The original root directory, to return to after chroot(2).
    root: OwnedFd,
}

impl Kernel {
    /// Enters new namespaces permanently. `disk` is a directory on a disk, in case tmpfs does not suffice. `None` if
    /// no file system supports the attributes that overlay needs.
    pub fn enter(mounter: Mounter, disk: &Path) -> io::Result<Option<Kernel>> {
        match mounter {
            Mounter::Root => unshare(CloneFlags::CLONE_NEWNS)?,
            Mounter::User => enter_user_namespace()?,
        }
        // If the parent dies, this process must not continue.
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
        umask(Mode::empty());
        let prefix = if mounter == Mounter::Root { "trusted.overlay." } else { "user.overlay." };
        let Some(scratch) = Scratch::that_takes(prefix, disk)? else { return Ok(None) };
        let root = open("/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Some(Kernel { mounter, marks: Marks { prefix }, scratch, root }))
    }

    pub fn scratch(&self) -> Scratch {
        self.scratch
    }

    /// Runs a scenario on the kernel.
    pub fn run(&self, scenario: &Scenario) -> io::Result<Result> {
        self.begin()?;
        self.mount(scenario)?;
        chdir("merged")?;
        chroot(".")?;
        let mut descriptors = BTreeMap::new();
        let perform =
            |operation| perform(operation, &mut descriptors).map_err(|error| error.raw_os_error().unwrap_or(0));
        let answers = scenario.operations.iter().map(perform).collect();
        let merged = self.marks.read(Path::new("/"))?;
        drop(descriptors);
        self.leave()?;
        self.scratch.enter()?;
        let upper = self.marks.read(Path::new("upper"))?;
        self.end()?;
        Ok(Result { answers, merged: self.as_seen(merged), upper })
    }

    /// The model's result, without the details that cannot be observed here.
    pub fn model(&self, scenario: &Scenario) -> (Result, Vec<Effect>) {
        let (result, effects) = scenario.on_model(self.mounter);
        (Result { merged: self.as_seen(result.merged), ..result }, effects)
    }

    /// Hard links are recognized by their inode number. In a user's overlay this number changes when a file is copied
    /// up, because `userxattr` cannot store the old number, and the exact moment depends on caches. So hard links of
    /// the merged tree are not compared there. Those of the upper directory are.
    fn as_seen(&self, merged: Tree) -> Tree {
        match self.mounter {
            Mounter::Root => merged,
            Mounter::User => {
                merged.walk().into_iter().map(|(path, id)| (path, childless(merged.inode(id)))).collect()
            }
        }
    }

    fn begin(&self) -> io::Result<()> {
        self.leave()?;
        self.scratch.begin()
    }

    fn leave(&self) -> io::Result<()> {
        fchdir(&self.root)?;
        Ok(chroot(".")?)
    }

    fn end(&self) -> io::Result<()> {
        self.leave()?;
        self.scratch.end()
    }

    /// Mounts as the engine does: see `overlay` in minicontainer/src/process/compile/overlay.rs. There `index` is off
    /// by the kernel's default.
    fn mount(&self, scenario: &Scenario) -> io::Result<()> {
        let directory = |name: &str| DirBuilder::new().mode(0o755).create(name);
        for (number, layer) in scenario.layers.iter().enumerate() {
            directory(&format!("{number}"))?;
            self.marks.write(layer, Path::new(&format!("{number}")))?;
        }
        ["upper", "work", "merged"].into_iter().try_for_each(directory)?;
        // A tree in memory has the modification time 0, so the upper directory needs it too.
        let beginning = TimeSpec::new(0, 0);
        utimensat(AT_FDCWD, "upper", &beginning, &beginning, UtimensatFlags::NoFollowSymlink)?;
        let lowers: Vec<String> = (0..scenario.layers.len()).rev().map(|number| number.to_string()).collect();
        let marks = match self.mounter {
            Mounter::Root => "redirect_dir=nofollow,metacopy=off",
            Mounter::User => "userxattr",
        };
        let (lowers, more) = (lowers.join(":"), self.scratch.option());
        let options = format!("lowerdir={lowers},upperdir=upper,workdir=work,index=off,{marks}{more}");
        Ok(mount(Some("overlay"), "merged", Some("overlay"), MsFlags::empty(), Some(options.as_str()))?)
    }
}

fn childless(inode: &Inode) -> Inode {
    let mut copy = inode.clone();
    if let Kind::Directory { entries, .. } = &mut copy.kind {
        entries.clear();
    }
    copy
}

fn enter_user_namespace() -> io::Result<()> {
    if unistd::geteuid().is_root() {
        unistd::setgroups(&[])?;
        unistd::setresgid(Gid::from_raw(ORDINARY_USER), Gid::from_raw(ORDINARY_USER), Gid::from_raw(ORDINARY_USER))?;
        unistd::setresuid(Uid::from_raw(ORDINARY_USER), Uid::from_raw(ORDINARY_USER), Uid::from_raw(ORDINARY_USER))?;
        // Otherwise the files below /proc/self would still belong to root.
        prctl::set_dumpable(true)?;
    }
    let (user, group) = (unistd::geteuid(), unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

fn perform(operation: &Operation, descriptors: &mut BTreeMap<u32, File>) -> io::Result<Answer> {
    let kept = |descriptors: &BTreeMap<u32, File>, number: &u32| match descriptors.get(number) {
        Some(file) => file.try_clone(),
        None => Err(io::Error::from_raw_os_error(libc::EBADF)),
    };
    match operation {
        Operation::Read { path } => return read(&open_file(path, OpenFlags::default())?),
        Operation::Write { path, flags, content } => write(&open_file(path, *flags)?, content)?,
        Operation::Open { path, flags, descriptor } => {
            descriptors.remove(descriptor);
            descriptors.insert(*descriptor, open_file(path, *flags)?);
        }
        Operation::ReadFrom { descriptor } => return read(&kept(descriptors, descriptor)?),
        Operation::WriteTo { descriptor, content } => write(&kept(descriptors, descriptor)?, content)?,
        Operation::Close { descriptor } => {
            kept(descriptors, descriptor)?;
            descriptors.remove(descriptor);
        }
        Operation::Names { path } => return names(path),
        Operation::ReadLink { path } => {
            return Ok(Answer::Target(fs::read_link(path)?.to_string_lossy().into_owned()));
        }
        _ => change(operation)?,
    }
    Ok(Answer::Done)
}

fn change(operation: &Operation) -> io::Result<()> {
    match operation {
        Operation::Mkdir { path, mode } => DirBuilder::new().mode(*mode).create(path),
        Operation::Mkfifo { path, mode } => Ok(mkfifo(path.as_str(), Mode::from_bits_truncate(*mode))?),
        Operation::MakeWhiteout { path } => Ok(mknod(path.as_str(), SFlag::S_IFCHR, Mode::empty(), 0)?),
        Operation::Symlink { target, path } => std::os::unix::fs::symlink(target, path),
        Operation::Link { from, to } => fs::hard_link(from, to),
        Operation::Rename { from, to, how } => {
            let flags = match how {
                RenameHow::Replace => RenameFlags::empty(),
                RenameHow::Keep => RenameFlags::RENAME_NOREPLACE,
                RenameHow::Exchange => RenameFlags::RENAME_EXCHANGE,
            };
            Ok(renameat2(AT_FDCWD, from.as_str(), AT_FDCWD, to.as_str(), flags)?)
        }
        Operation::Unlink { path } => fs::remove_file(path),
        Operation::Rmdir { path } => fs::remove_dir(path),
        Operation::Truncate { path, length } => Ok(truncate(path.as_str(), i64::try_from(*length).unwrap_or(0))?),
        Operation::Chmod { path, mode } => fs::set_permissions(path, fs::Permissions::from_mode(*mode)),
        Operation::Chown { path, uid, gid } => std::os::unix::fs::lchown(path, Some(*uid), Some(*gid)),
        Operation::SetModified { path, modified } => {
            let time = TimeSpec::new(i64::try_from(*modified).unwrap_or(0), 0);
            Ok(utimensat(AT_FDCWD, path.as_str(), &time, &time, UtimensatFlags::NoFollowSymlink)?)
        }
        Operation::SetXattr { path, name, value } => xattr::set(path, name, value.as_bytes()),
        Operation::RemoveXattr { path, name } => xattr::remove(path, name),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn open_file(path: &str, flags: OpenFlags) -> io::Result<File> {
    let access = match flags.access {
        Access::Read => OFlag::O_RDONLY,
        Access::Write => OFlag::O_WRONLY,
        Access::ReadWrite => OFlag::O_RDWR,
    };
    let chosen = [
        (flags.create, OFlag::O_CREAT),
        (flags.exclusive, OFlag::O_EXCL),
        (flags.truncate, OFlag::O_TRUNC),
        (flags.append, OFlag::O_APPEND),
    ];
    let flags = chosen.iter().filter(|(chosen, _)| *chosen).fold(access, |flags, (_, flag)| flags | *flag);
    // O_NONBLOCK, so that opening a FIFO does not wait for its other end.
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    Ok(open(path, flags, Mode::from_bits_truncate(0o644)).map(File::from)?)
}

fn read(file: &File) -> io::Result<Answer> {
    let mut buffer = [0; 4096];
    let length = file.read_at(&mut buffer, 0)?;
    Ok(Answer::Content(buffer[..length].to_vec()))
}

fn write(file: &File, content: &str) -> io::Result<()> {
    file.write_at(content.as_bytes(), 0).map(|_| ())
}

fn names(path: &str) -> io::Result<Answer> {
    let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<String>>>()?;
    names.sort();
    Ok(Answer::Names(names))
}
