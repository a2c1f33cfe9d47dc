//! How to mend each [`Mistake`].

use crate::{keyword::Keyword, mistake::Mistake, suggest::nearest};

const MOUNT_KEYS: [&str; 15] = [
    "type",
    "from",
    "source",
    "src",
    "target",
    "dst",
    "destination",
    "readonly",
    "ro",
    "readwrite",
    "rw",
    "id",
    "sharing",
    "required",
    "mode",
];

impl Mistake {
    /// How to mend it, where there is something to say beyond the reason.
    pub fn hint(&self) -> Option<String> {
        of_instructions(self).or_else(|| of_options(self)).or_else(|| of_words(self))
    }
}

/// The file as a whole, instructions and their arguments.
fn of_instructions(mistake: &Mistake) -> Option<String> {
    let hint = match mistake {
        Mistake::Empty | Mistake::NoInstructions | Mistake::NoStages => "begin with a base: FROM busybox",
        Mistake::TooLarge { .. } => "large content belongs into a file of the context, copied with COPY",
        Mistake::TooManyInstructions { .. } => "join commands of one purpose: RUN one && two",
        Mistake::NotText => "save the file as UTF-8",
        Mistake::Nul => "take the character out, or save the file as UTF-8 rather than UTF-16",
        Mistake::DirectiveTwice { .. } => "keep one of the two lines",
        Mistake::EscapeToken { .. } => "write # escape=\\ or # escape=`",
        Mistake::Frontend { .. } => "take the line out, or write # syntax=docker/dockerfile:1",
        Mistake::UnknownInstruction { given } => return unknown_instruction(given),
        Mistake::NoStage => "put a FROM in front; only ARG may stand before it",
        Mistake::AtLeastOneArgument { keyword } | Mistake::ExactlyOneArgument { keyword } => {
            return Some(format!("write {}", example(*keyword)));
        }
        Mistake::NoDestination { keyword } => return Some(format!("write {}", example(*keyword))),
        Mistake::FromArguments => "write FROM IMAGE or FROM IMAGE AS NAME",
        Mistake::StageName { .. } => "begin with a letter, then letters, digits, '-', '_' and '.', such as build-1",
        Mistake::TwoArguments { keyword } => return Some(format!("write {keyword} name=value")),
        Mistake::NoEquals { .. } => "quote a value with blanks: name=\"two words\"",
        Mistake::BlankName { .. } => "write a name in front of the =",
        Mistake::JsonStrings => "put every element in double quotes: [\"sleep\", \"1\"]",
        Mistake::ShellForm => "write SHELL [\"/bin/bash\", \"-c\"], with double quotes",
        Mistake::EmptyVolume => "write the directory's path, such as VOLUME /data",
        Mistake::Trigger { .. } | Mistake::TriggerOfTrigger => {
            "a trigger is one instruction such as ONBUILD COPY . /app"
        }
        Mistake::BrokenTrigger { .. } => "the base image must be built again",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Options, here-documents, health checks, mounts.
fn of_options(mistake: &Mistake) -> Option<String> {
    let hint = match mistake {
        Mistake::UnknownFlag { given, known } => return unknown_flag(given, known),
        Mistake::FlagTwice { .. } => "give it once",
        Mistake::FlagWithoutValue { given } => return Some(format!("write --{given}=VALUE, without blanks")),
        Mistake::FlagBoolean { .. } => "write true or false, or the flag alone",
        Mistake::Unsupported { instead, .. } => instead,
        Mistake::FlagValue { allowed, .. } => return Some(format!("it is one of {allowed}")),
        Mistake::UnterminatedHeredoc { name } => {
            return Some(format!("a line with nothing but {name} ends it; no blanks around"));
        }
        Mistake::HeredocDestination { .. } => "write the destination's path last: COPY <<EOF /etc/motd",
        Mistake::HeredocName { .. } => "choose one without '/', such as EOF",
        Mistake::HealthNone => "HEALTHCHECK NONE only takes the base image's check away",
        Mistake::HealthCommand => "write HEALTHCHECK CMD curl -f http://localhost/",
        Mistake::HealthType { .. } => "write HEALTHCHECK CMD and the command, or HEALTHCHECK NONE",
        Mistake::Duration { .. } => "write at least 1ms with units, such as 30s or 1m30s, or 0s for the default",
        Mistake::Retries { .. } => "write --retries=3",
        Mistake::MountType { given } => {
            return did_you_mean(
                nearest(given, ["bind", "cache", "tmpfs", "secret"]),
                "it is one of bind, cache, tmpfs, secret",
            );
        }
        Mistake::MountKey { key, .. } => {
            return did_you_mean(
                nearest(key, MOUNT_KEYS),
                "the keys are type, source, target, from, id, sharing, mode …",
            );
        }
        Mistake::MountKeyOfType { .. } => "take the key out, or choose another type; bind is the default",
        Mistake::MountField { .. } => "write --mount=type=cache,target=/root/.cache",
        Mistake::MountValue { key, .. } => match key.as_str() {
            "sharing" => "it is one of shared, private, locked",
            "size" => "write a size such as 64m",
            "mode" => "write permissions in octal, such as 0700",
            "uid" | "gid" => "write a number",
            _ => "write true or false",
        },
        Mistake::MountFrom { .. } | Mistake::FromVariable => {
            "write FROM image:$TAG AS name further up, and --from=name"
        }
        Mistake::MountTarget { .. } => "write target= and a directory other than /",
        Mistake::MountSecret => "write --mount=type=secret,id=NAME",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Words and their meaning.
fn of_words(mistake: &Mistake) -> Option<String> {
    let hint = match mistake {
        Mistake::Expand { source, .. } => return source.hint().map(str::to_owned),
        Mistake::BlankBase { .. } => "declare ARG NAME=value before FROM, or pass --build-arg NAME=value",
        Mistake::BaseName { .. } => "write an image's name such as busybox:1.36, or a stage's from further up",
        Mistake::Platform { .. } => "write os/architecture, such as linux/amd64 or linux/arm64",
        Mistake::NoTarget { given, known } => return no_target(given, known),
        Mistake::StageIndex { .. } => "stages are counted from 0, and only earlier ones can be copied from",
        Mistake::StageOrder { .. } => "move that stage further up",
        Mistake::Circular { .. } => "a stage cannot need itself; copy from an earlier one",
        Mistake::OutsideContext { .. } => {
            "a build sees the files of its context only: move it in, or build from the directory above"
        }
        Mistake::ManySources { .. } => "end the destination with /",
        Mistake::RemoteCopy { .. } | Mistake::RemoteAdd { .. } => {
            "fetch it in a RUN, or beforehand into the context, and COPY it"
        }
        Mistake::Chmod { .. } => "write --chmod=755 or --chmod=u=rwX,go=rX",
        Mistake::User { .. } => "write name, name:group, or ids such as 1000:1000",
        Mistake::Port { .. } => "write a number from 1 to 65535, or a range such as 8000-8010",
        Mistake::Protocol { .. } => "it is one of tcp, udp, sctp",
        Mistake::Signal { .. } => "write a name such as SIGTERM, or a number from 1 to 64",
        Mistake::BlankSource { .. } => "set the variable, or write . if all files are meant",
        Mistake::Pattern { .. } => "write \\ in front of a character that is meant as itself",
        Mistake::TooManyVariables { .. } | Mistake::TooMuch { .. } => "declare fewer variables and ports",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn did_you_mean(nearest: Option<&str>, otherwise: &str) -> Option<String> {
    Some(nearest.map_or_else(|| otherwise.to_owned(), |nearest| format!("did you mean `{nearest}`?")))
}

fn unknown_instruction(given: &str) -> Option<String> {
    let nearest = nearest(given, Keyword::ALL.map(Keyword::name));
    did_you_mean(nearest, "if it belongs to the line above, end that one with \\")
}

fn unknown_flag(given: &str, known: &[&'static str]) -> Option<String> {
    let flags = known.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(", ");
    let otherwise = match known.is_empty() {
        true => "this instruction has no flags; write -- in front of arguments that look like one".to_owned(),
        false => format!("it has {flags}"),
    };
    let nearest = nearest(given, known.iter().copied()).map(|name| format!("--{name}"));
    did_you_mean(nearest.as_deref(), &otherwise)
}

fn no_target(given: &str, known: &[String]) -> Option<String> {
    let otherwise = match known.is_empty() {
        true => "no stage has a name; write FROM IMAGE AS NAME".to_owned(),
        false => format!("the stages are {}", known.join(", ")),
    };
    did_you_mean(nearest(given, known.iter().map(String::as_str)), &otherwise)
}

/// How each instruction is written.
fn example(keyword: Keyword) -> &'static str {
    match keyword {
        Keyword::Add => "ADD files.tar.gz /srv/",
        Keyword::Arg => "ARG VERSION=1.0",
        Keyword::Cmd => "CMD [\"node\", \"app.js\"], or CMD [] to take the base image's away",
        Keyword::Copy => "COPY . /app",
        Keyword::Entrypoint => "ENTRYPOINT [\"node\"], or ENTRYPOINT [] to take the base image's away",
        Keyword::Env => "ENV PORT=6000",
        Keyword::Expose => "EXPOSE 6000",
        Keyword::From => "FROM busybox",
        Keyword::Healthcheck => "HEALTHCHECK CMD curl -f http://localhost/, or HEALTHCHECK NONE",
        Keyword::Label => "LABEL version=1.0",
        Keyword::Maintainer => "LABEL org.opencontainers.image.authors=\"ada@example.com\"",
        Keyword::Onbuild => "ONBUILD COPY . /app",
        Keyword::Run => "RUN make",
        Keyword::Shell => "SHELL [\"/bin/bash\", \"-c\"]",
        Keyword::Stopsignal => "STOPSIGNAL SIGTERM",
        Keyword::User => "USER 1000:1000",
        Keyword::Volume => "VOLUME /data",
        Keyword::Workdir => "WORKDIR /app",
    }
}
