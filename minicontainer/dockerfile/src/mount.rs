//! `RUN --mount`: files that a command sees while it runs, but that are not part of the image.
//!
//! | Type | What it is | In the layer |
//! |---|---|---|
//! | `bind` | files of the context, a stage or an image, read-only unless `rw`; changes are discarded | no |
//! | `cache` | a directory that is kept between builds | no |
//! | `tmpfs` | memory | no |
//! | `secret` | a file, or a variable, that the user passes with `--secret` | no |
//!
//! ```
//! use minicontainer_dockerfile::mount::Mount;
//!
//! let mount = Mount::parse("type=cache,target=/root/.cache", "/", &mut |text| Ok(text.to_owned())).unwrap();
//! let Mount::Cache { id, target, .. } = mount else { panic!() };
//! assert_eq!((id.as_str(), target.as_str()), ("/root/.cache", "/root/.cache"));
//! ```

use std::{iter::Peekable, str::Chars};

use minicontainer_core::options::ByteSize;
use serde::Serialize;

use crate::{boolean::boolean, error::DockerfileErrorKind, path};

/// A mount with all variables expanded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[allow(missing_docs, reason = "the keys are those of Docker's reference, RUN --mount")]
pub enum Mount {
    Bind {
        from: Option<String>,
        source: String,
        target: String,
        read_only: bool,
    },
    Cache {
        id: String,
        from: Option<String>,
        source: String,
        target: String,
        sharing: Sharing,
        read_only: bool,
        owner: Owner,
    },
    Tmpfs {
        target: String,
        size: Option<u64>,
    },
    Secret {
        id: String,
        target: Option<String>,
        env: Option<String>,
        required: bool,
        owner: Owner,
    },
}

/// Permissions, user and group of what is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "named as the keys are")]
pub struct Owner {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

/// Who may write to a cache at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// All commands.
    #[default]
    Shared,
    /// Each command gets its own cache.
    Private,
    /// One command after the other.
    Locked,
}

/// Expands the variables of a value.
pub(crate) type Expand<'a> = dyn FnMut(&str) -> Result<String, DockerfileErrorKind> + 'a;

/// The keys as they come.
#[derive(Default)]
struct Keys {
    kind: String,
    from: Option<String>,
    source: Option<String>,
    target: Option<String>,
    id: Option<String>,
    env: Option<String>,
    sharing: Option<Sharing>,
    read_only: Option<bool>,
    required: bool,
    size: Option<u64>,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Mount {
    /// Parses `key=value,…`. A relative target is relative to the working directory, and a missing one is the working
    /// directory itself, as in BuildKit.
    pub fn parse(text: &str, workdir: &str, expand: &mut Expand) -> Result<Mount, DockerfileErrorKind> {
        let mut keys = Keys { kind: "bind".to_owned(), ..Keys::default() };
        for field in fields(text)? {
            keys.read(&field, expand)?;
        }
        keys.check_kind()?;
        keys.finish(workdir)
    }

    /// The path of the mounted files, if they come from the context, a stage or an image.
    pub fn source(&self) -> Option<&str> {
        match self {
            Mount::Bind { source, .. } | Mount::Cache { source, from: Some(_), .. } => Some(source),
            Mount::Cache { .. } | Mount::Tmpfs { .. } | Mount::Secret { .. } => None,
        }
    }

    /// The stage or image that it needs.
    pub fn from(&self) -> Option<&str> {
        match self {
            Mount::Bind { from, .. } | Mount::Cache { from, .. } => from.as_deref(),
            Mount::Tmpfs { .. } | Mount::Secret { .. } => None,
        }
    }
}

/// Refuses a variable in the value of `from`, because stages must be known before variables are.
pub(crate) fn check_from(text: &str) -> Result<(), DockerfileErrorKind> {
    let fields = fields(text)?;
    let mut keys = fields.iter().filter(|field| field.contains('$')).filter_map(|field| field.split_once('='));
    match keys.find(|(key, _)| key.eq_ignore_ascii_case("from")) {
        Some((key, _)) => Err(DockerfileErrorKind::MountFrom { key: key.to_ascii_lowercase() }),
        None => Ok(()),
    }
}

/// The fields of a mount, separated by commas. A field that contains a comma is quoted as a whole, as in a CSV file
/// (RFC 4180).
pub(crate) fn fields(text: &str) -> Result<Vec<String>, DockerfileErrorKind> {
    let mut fields = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        fields.push(if rest.next_if_eq(&'"').is_some() { quoted(&mut rest)? } else { unquoted(&mut rest)? });
        match rest.next() {
            None => return Ok(fields),
            Some(',') => {}
            Some(_) => return Err(DockerfileErrorKind::MountFields { reason: QUOTE }),
        }
    }
}

const QUOTE: &str = "extraneous or missing \" in quoted-field";

/// A field up to its closing quote. Two quotes in a field mean one quote character.
fn quoted(rest: &mut Peekable<Chars>) -> Result<String, DockerfileErrorKind> {
    let mut field = String::new();
    loop {
        match rest.next() {
            Some('"') if rest.next_if_eq(&'"').is_none() => return Ok(field),
            Some(character) => field.push(character),
            None => return Err(DockerfileErrorKind::MountFields { reason: QUOTE }),
        }
    }
}

fn unquoted(rest: &mut Peekable<Chars>) -> Result<String, DockerfileErrorKind> {
    let mut field = String::new();
    while let Some(character) = rest.next_if(|character| *character != ',') {
        if character == '"' {
            return Err(DockerfileErrorKind::MountFields { reason: "bare \" in non-quoted field" });
        }
        field.push(character);
    }
    Ok(field)
}

impl Keys {
    fn read(&mut self, field: &str, expand: &mut Expand) -> Result<(), DockerfileErrorKind> {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key.to_ascii_lowercase(), Some(value)),
            None => (field.to_ascii_lowercase(), None),
        };
        let value = match (key.as_str(), value) {
            (_, Some(value)) => expand(value)?,
            ("readonly" | "ro" | "readwrite" | "rw" | "required", None) => "true".to_owned(),
            _ => return Err(DockerfileErrorKind::MountField { field: field.to_owned() }),
        };
        let wrong = || DockerfileErrorKind::MountValue { key: key.clone(), given: value.clone() };
        let boolean = || boolean(&value).ok_or_else(wrong);
        let number = |radix| u32::from_str_radix(&value, radix).map_err(|_| wrong());
        match key.as_str() {
            "type" => self.kind = value.to_ascii_lowercase(),
            "from" => self.from = Some(value),
            "source" | "src" => self.source = Some(value),
            "target" | "dst" | "destination" => self.target = Some(value),
            "id" => self.id = Some(value),
            "env" => self.env = Some(value),
            "readonly" | "ro" => self.read_only = Some(boolean()?),
            "readwrite" | "rw" => self.read_only = Some(!boolean()?),
            "required" => self.required = boolean()?,
            "size" => self.size = Some(value.parse::<ByteSize>().map_err(|_| wrong())?.bytes()),
            "mode" => self.mode = Some(number(8)?).filter(|mode| *mode <= 0o7777).ok_or_else(wrong).map(Some)?,
            "uid" => self.uid = Some(number(10)?),
            "gid" => self.gid = Some(number(10)?),
            "sharing" => {
                self.sharing = Some(match value.to_ascii_lowercase().as_str() {
                    "shared" => Sharing::Shared,
                    "private" => Sharing::Private,
                    "locked" => Sharing::Locked,
                    _ => return Err(wrong()),
                });
            }
            _ => return Err(DockerfileErrorKind::MountKey { key, field: field.to_owned() }),
        }
        Ok(())
    }

    /// Rejects keys of another type.
    fn check_kind(&self) -> Result<(), DockerfileErrorKind> {
        let kind = self.kind.as_str();
        let owned = self.mode.is_some() || self.uid.is_some() || self.gid.is_some();
        let fault = match kind {
            "ssh" => {
                let instead = "agents are not forwarded; pass a key with --mount=type=secret";
                return Err(DockerfileErrorKind::Unsupported { what: "RUN --mount=type=ssh".to_owned(), instead });
            }
            "bind" | "cache" | "tmpfs" | "secret" => [
                ("size", self.size.is_some() && kind != "tmpfs"),
                ("required", self.required && kind != "secret"),
                ("env", self.env.is_some() && kind != "secret"),
                ("sharing", self.sharing.is_some() && kind != "cache"),
                ("from", self.from.is_some() && matches!(kind, "tmpfs" | "secret")),
                ("mode", owned && matches!(kind, "bind" | "tmpfs")),
            ],
            _ => return Err(DockerfileErrorKind::MountType { given: self.kind.clone() }),
        };
        match fault.iter().find(|(_, wrong)| *wrong) {
            Some((key, _)) => {
                Err(DockerfileErrorKind::MountKeyOfType { key: key.to_string(), kind: self.kind.clone() })
            }
            None => Ok(()),
        }
    }

    fn finish(self, workdir: &str) -> Result<Mount, DockerfileErrorKind> {
        let target = self.target.as_ref().map(|target| path::resolve(workdir, target));
        let owner =
            |mode| Owner { mode: self.mode.unwrap_or(mode), uid: self.uid.unwrap_or(0), gid: self.gid.unwrap_or(0) };
        if self.kind == "secret" {
            if self.id.is_some() && self.source.is_some() {
                return Err(DockerfileErrorKind::MountSecretTwice);
            }
            let name = self.id.or(self.source).or_else(|| Some(path::file_name(self.target.as_deref()?).to_owned()));
            let id = name.filter(|name| !name.is_empty()).ok_or(DockerfileErrorKind::MountSecret)?;
            let default = || format!("/run/secrets/{}", path::file_name(&id));
            let target = target.or_else(|| self.env.is_none().then(default));
            return Ok(Mount::Secret { target, env: self.env, required: self.required, owner: owner(0o400), id });
        }
        let target = target.unwrap_or_else(|| path::resolve(workdir, "."));
        if target == "/" {
            return Err(DockerfileErrorKind::MountTarget { given: self.target.unwrap_or_default() });
        }
        let source = path::resolve("/", self.source.as_deref().unwrap_or("/"));
        Ok(match self.kind.as_str() {
            "tmpfs" => Mount::Tmpfs { target, size: self.size },
            "cache" => Mount::Cache {
                id: self.id.unwrap_or_else(|| target.clone()),
                from: self.from,
                source,
                target,
                sharing: self.sharing.unwrap_or_default(),
                read_only: self.read_only.unwrap_or(false),
                owner: owner(0o755),
            },
            _ => Mount::Bind { from: self.from, source, target, read_only: self.read_only.unwrap_or(true) },
        })
    }
}
