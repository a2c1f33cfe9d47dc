//! The inputs of a build besides its context: the Dockerfile, `.dockerignore`, build arguments and secrets.
//!
//! A Dockerfile inside the context is opened as part of the context, so a symbolic link there cannot lead outside.
//! Otherwise an untrusted repository could make the build's error messages show a line of `/etc/shadow`. A Dockerfile
//! elsewhere was chosen by the user with `-f`.

use std::{
    collections::BTreeMap,
    env,
    fs::OpenOptions,
    io::{self, IsTerminal, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf, absolute},
};

use minicontainer::core::Platform;
use minicontainer_build::{BuildError, Context, LARGEST_SECRET, Secrets};
use minicontainer_dockerfile::{BuildOptions, Ignore, LARGEST};
use nix::libc::O_NONBLOCK;

use super::BuildArguments;
use crate::commands::open_store;
use crate::error::{Context as _, Failure};

/// The inputs that are read before the build starts.
pub struct Input {
    pub context: Context,
    pub file: File,
}

/// The Dockerfile.
pub struct File {
    /// The name in messages.
    pub name: String,
    pub content: Vec<u8>,
}

impl File {
    /// The content for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }
}

impl Input {
    /// Opens the context and reads the Dockerfile.
    pub fn read(context: &str, file: Option<&str>) -> Result<Input, Failure> {
        refuse_remote(context)?;
        if context == "-" {
            return Input::of_stdin(file);
        }
        let directory = Path::new(context);
        let context = Context::open(directory)?;
        let place = match file.filter(|file| *file != "-") {
            Some(file) => absolute_path(file)?,
            None => directory.join(default_name(&context)),
        };
        let inside = inside(directory, &place)?;
        if file != Some("-") && place.is_dir() {
            let message = format!("failed to read dockerfile: read {}: is a directory", place.display());
            return Err(Failure::new(message).hint("choose a file with -f"));
        }
        let (name, content) = match (file, &inside) {
            (Some("-"), _) => ("stdin".to_owned(), read_all(io::stdin(), "stdin")?),
            (_, Some(inside)) => {
                (inside.display().to_string(), context.text(inside)?.ok_or_else(|| no_file(&place))?)
            }
            (_, None) => (place.display().to_string(), read_file(&place)?),
        };
        let ignore = match (file, inside) {
            (Some("-"), _) => ignored(&context, DockerfileLocation::Nothing)?,
            (_, Some(inside)) => ignored(&context, DockerfileLocation::InContext(&inside))?,
            (_, None) => ignored(&context, DockerfileLocation::Elsewhere(&place))?,
        };
        Ok(Input { context: context.ignoring(ignore), file: File { name, content } })
    }

    /// Reads a context with its Dockerfile, or a Dockerfile without a context, from stdin.
    fn of_stdin(file: Option<&str>) -> Result<Input, Failure> {
        if file == Some("-") {
            let message = "invalid argument: can't use stdin for both build context and dockerfile";
            return Err(Failure::new(message).hint("leave -f out: a Dockerfile on stdin needs no context"));
        }
        if io::stdin().is_terminal() {
            let hint = "tar -c . | minicontainer build -, or minicontainer build - < Dockerfile";
            return Err(Failure::new("cannot read the build context from stdin: it is a terminal").hint(hint));
        }
        let (context, dockerfile) = Context::of_stream(&open_store()?, io::stdin().lock())?;
        match (dockerfile, file) {
            (Some(content), None) => Ok(Input { context, file: File { name: "stdin".to_owned(), content } }),
            (Some(_), Some(file)) => {
                let message = format!("cannot read {file}: stdin is not a tar archive, so there is no build context");
                Err(Failure::new(message).hint("leave -f out if stdin is the Dockerfile"))
            }
            (None, file) => {
                let path = Path::new(file.unwrap_or_else(|| default_name(&context)));
                let content = context.text(path)?.ok_or_else(|| no_file(path))?;
                let ignore = ignored(&context, DockerfileLocation::InContext(path))?;
                Ok(Input {
                    context: context.ignoring(ignore),
                    file: File { name: path.display().to_string(), content },
                })
            }
        }
    }
}

/// The name of the Dockerfile if none is given: `Dockerfile`, or `dockerfile` if the context has only that.
fn default_name(context: &Context) -> &'static str {
    // If it cannot be read, the error is reported later.
    let has = |name: &str| !matches!(context.text(Path::new(name)), Ok(None));
    if !has("Dockerfile") && has("dockerfile") { "dockerfile" } else { "Dockerfile" }
}

/// Where to look for the Dockerfile's own ignore file.
enum DockerfileLocation<'a> {
    /// The Dockerfile is from stdin.
    Nothing,
    /// The Dockerfile is this one of the context.
    InContext(&'a Path),
    /// The Dockerfile is outside of the context.
    Elsewhere(&'a Path),
}

/// The ignore file of this Dockerfile (`NAME.dockerignore`) if there is one, else the `.dockerignore` of the context.
fn ignored(context: &Context, location: DockerfileLocation<'_>) -> Result<Ignore, Failure> {
    let name_of = |dockerfile: &Path| {
        let mut name = dockerfile.as_os_str().to_owned();
        name.push(".dockerignore");
        PathBuf::from(name)
    };
    let own = match location {
        DockerfileLocation::Nothing => None,
        DockerfileLocation::InContext(dockerfile) => context.text(&name_of(dockerfile))?,
        DockerfileLocation::Elsewhere(dockerfile) => {
            let path = name_of(dockerfile);
            if path.exists() { Some(read_file(&path)?) } else { None }
        }
    };
    let text = own.map_or_else(|| context.text(Path::new(".dockerignore")), |own| Ok(Some(own)))?.unwrap_or_default();
    Ok(Ignore::parse(&String::from_utf8_lossy(&text)).map_err(BuildError::from)?)
}

fn refuse_remote(context: &str) -> Result<(), Failure> {
    if !context.contains("://") && !context.starts_with("git@") && !context.starts_with("github.com/") {
        return Ok(());
    }
    let hint = "fetch it into a directory first, and build that; build - reads an archive from stdin";
    Err(Failure::new(format!("remote build contexts are not supported: {context}")).hint(hint))
}

fn absolute_path(path: &str) -> Result<PathBuf, Failure> {
    absolute(path).with_context(|| format!("cannot find {path}"))
}

/// The path inside the context, if the file is in it.
fn inside(context: &Path, file: &Path) -> Result<Option<PathBuf>, Failure> {
    let context = absolute(context).with_context(|| format!("cannot find {}", context.display()))?;
    let file = absolute(file).with_context(|| format!("cannot find {}", file.display()))?;
    let inside = file.strip_prefix(&context).ok().map(Path::to_owned);
    Ok(inside.filter(|inside| !inside.components().any(|part| part == Component::ParentDir)))
}

fn no_file(path: &Path) -> Failure {
    Failure::new(format!("failed to read dockerfile: open {}: no such file or directory", path.display()))
        .hint("choose one with -f")
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let what = path.display().to_string();
    let opened = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_file(path)),
        opened => opened.with_context(|| format!("cannot read {what}"))?,
    };
    if !file.metadata().with_context(|| format!("cannot read {what}"))?.is_file() {
        return Err(Failure::new(format!("cannot read {what}: not a regular file")));
    }
    read_all(file, &what)
}

fn read_all(content: impl Read, what: &str) -> Result<Vec<u8>, Failure> {
    let mut read = Vec::new();
    content.take(LARGEST as u64 + 1).read_to_end(&mut read).with_context(|| format!("cannot read {what}"))?;
    Ok(read)
}

/// The options of the build plan, from the command line.
pub fn options(arguments: &BuildArguments, input: &Input) -> Result<BuildOptions, Failure> {
    let own = Platform::own();
    if let Some(platform) = &arguments.platform {
        let platform: Platform = platform.parse().map_err(|error| Failure::of_argument("--platform", error))?;
        if platform != own {
            let message = format!("cannot build for {platform} on this machine, which is {own}");
            return Err(Failure::new(message).hint("leave --platform out, and build on such a machine"));
        }
    }
    let mut labels = BTreeMap::new();
    for label in &arguments.label {
        let (name, value) = label.split_once('=').unwrap_or((label, ""));
        if name.is_empty() {
            return Err(Failure::new(format!("invalid argument for --label: {label:?} has no name")));
        }
        labels.insert(name.to_owned(), value.to_owned());
    }
    Ok(BuildOptions {
        target: arguments.target.clone(),
        build_args: build_args(&arguments.build_arg)?,
        labels,
        platform: own.clone(),
        build_platform: own,
        ignore: input.context.ignore().clone(),
    })
}

/// The build arguments. An argument without a value takes it from the environment, if it is set there.
fn build_args(given: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut values = BTreeMap::new();
    for argument in given {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), env::var(argument).ok()),
        };
        if name.is_empty() {
            return Err(Failure::new(format!("invalid argument for --build-arg: {argument:?} has no name")));
        }
        values.extend(value.map(|value| (name.to_owned(), value)));
    }
    Ok(values)
}

/// `SOURCE_DATE_EPOCH`, from the arguments or the environment.
pub fn epoch(arguments: &[String]) -> Result<Option<i64>, Failure> {
    const NAME: &str = "SOURCE_DATE_EPOCH";
    let given = build_args(arguments)?.remove(NAME).or_else(|| env::var(NAME).ok());
    let Some(text) = given.filter(|text| !text.is_empty()) else { return Ok(None) };
    let epoch = text.parse().ok().filter(|epoch| *epoch >= 0);
    let wrong = || Failure::new(format!("invalid {NAME} {text:?}: must be a number of seconds since 1970"));
    Ok(Some(epoch.ok_or_else(wrong)?))
}

/// Parses `id=ID,src=FILE` and `id=ID,env=NAME`. Without `src` and `env`, the id names a variable, or else a file.
pub fn secrets(given: &[String]) -> Result<Secrets, Failure> {
    let mut secrets = Secrets::default();
    for text in given {
        let secret =
            secret(text).map_err(|failure| failure.context(format!("invalid argument for --secret: {text}")));
        let (id, content) = secret?;
        secrets.insert(id, content);
    }
    Ok(secrets)
}

fn secret(text: &str) -> Result<(String, Vec<u8>), Failure> {
    let (mut id, mut file, mut variable, mut kind) = (None, None, None, None);
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("id", value)) => id = Some(value),
            Some(("src" | "source", value)) => file = Some(value),
            Some(("env", value)) => variable = Some(value),
            Some(("type", value)) => kind = Some(value),
            _ => return Err(Failure::new(format!("unknown field {field:?}: must be id=, src=, env= or type="))),
        }
    }
    let Some(id) = id.filter(|id| !id.is_empty()) else { return Err(Failure::new("id= is missing")) };
    if !matches!(kind, None | Some("file" | "env")) || (kind == Some("env") && file.is_some() && variable.is_some()) {
        return Err(Failure::new("the type must be file or env"));
    }
    if kind == Some("env") {
        variable = variable.or(file).or(Some(id));
        file = None;
    }
    let content = match (file, variable) {
        (Some(file), _) => secret_file(file)?,
        (None, Some(name)) => env_bytes(name).with_context(|| format!("the variable {name} is not set"))?,
        (None, None) => match env_bytes(id).filter(|_| kind.is_none()) {
            Some(content) => content,
            None => secret_file(id)?,
        },
    };
    if content.len() > LARGEST_SECRET {
        return Err(Failure::new(format!("it is larger than {LARGEST_SECRET} bytes")));
    }
    Ok((id.to_owned(), content))
}

fn env_bytes(name: &str) -> Option<Vec<u8>> {
    env::var_os(name).map(std::os::unix::ffi::OsStringExt::into_vec)
}

fn secret_file(path: &str) -> Result<Vec<u8>, Failure> {
    let opened = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path);
    let file = opened.with_context(|| format!("cannot read {path}"))?;
    if !file.metadata().with_context(|| format!("cannot read {path}"))?.is_file() {
        return Err(Failure::new(format!("{path} is not a regular file")));
    }
    let mut content = Vec::new();
    file.take(LARGEST_SECRET as u64 + 1).read_to_end(&mut content).with_context(|| format!("cannot read {path}"))?;
    Ok(content)
}
