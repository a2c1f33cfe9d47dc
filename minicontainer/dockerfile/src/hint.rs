//! How to fix each [`DockerfileErrorKind`].

use crate::{error::DockerfileErrorKind, keyword::Keyword, suggest::nearest};

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

impl DockerfileErrorKind {
    /// How to fix it, if the reason does not already say so.
    pub fn hint(&self) -> Option<String> {
        of_instructions(self).or_else(|| of_options(self)).or_else(|| of_words(self))
    }
}

/// Hints for errors of the file as a whole, and of instructions and their arguments.
fn of_instructions(kind: &DockerfileErrorKind) -> Option<String> {
    let hint = match kind {
        DockerfileErrorKind::Empty | DockerfileErrorKind::NoInstructions | DockerfileErrorKind::NoStages => {
            "begin with a base: FROM busybox"
        }
        DockerfileErrorKind::TooLarge { .. } => "put large content into a file of the context, and COPY it",
        DockerfileErrorKind::TooManyInstructions { .. } => "join related commands: RUN one && two",
        DockerfileErrorKind::NotText => "save the file as UTF-8",
        DockerfileErrorKind::Nul => "remove the character, or save the file as UTF-8 instead of UTF-16",
        DockerfileErrorKind::DirectiveTwice { .. } => "keep one of the two lines",
        DockerfileErrorKind::EscapeToken { .. } => "write # escape=\\ or # escape=`",
        DockerfileErrorKind::CheckOption { .. } => "write # check=skip=NAME,NAME;error=true, or remove the line",
        DockerfileErrorKind::Frontend { .. } => "remove the line, or write # syntax=docker/dockerfile:1",
        DockerfileErrorKind::UnknownInstruction { given } => return unknown_instruction(given),
        DockerfileErrorKind::NoStage => "add a FROM before it; only ARG may come before FROM",
        DockerfileErrorKind::AtLeastOneArgument { keyword } | DockerfileErrorKind::ExactlyOneArgument { keyword } => {
            return Some(format!("write {}", example(*keyword)));
        }
        DockerfileErrorKind::NoDestination { keyword } => return Some(format!("write {}", example(*keyword))),
        DockerfileErrorKind::FromArguments => "write FROM IMAGE or FROM IMAGE AS NAME",
        DockerfileErrorKind::StageName { .. } => {
            "begin with a letter, then letters, digits, '-', '_' and '.', such as build-1"
        }
        DockerfileErrorKind::TwoArguments { keyword } => return Some(format!("write {keyword} name=value")),
        DockerfileErrorKind::NoEquals { .. } => "quote a value with blanks: name=\"two words\"",
        DockerfileErrorKind::BlankName { .. } => "write a name before the =",
        DockerfileErrorKind::JsonStrings => "put every element in double quotes: [\"sleep\", \"1\"]",
        DockerfileErrorKind::ShellForm => "write SHELL [\"/bin/bash\", \"-c\"], with double quotes",
        DockerfileErrorKind::EmptyVolume => "write the directory's path, such as VOLUME /data",
        DockerfileErrorKind::Trigger { .. } | DockerfileErrorKind::TriggerOfTrigger => {
            "a trigger is one instruction such as ONBUILD COPY . /app"
        }
        DockerfileErrorKind::BrokenTrigger { .. } => "rebuild the base image",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Hints for errors of options, here-documents, health checks and mounts.
fn of_options(kind: &DockerfileErrorKind) -> Option<String> {
    let hint = match kind {
        DockerfileErrorKind::UnknownFlag { given, known } => return unknown_flag(given, known),
        DockerfileErrorKind::FlagTwice { .. } => "give it once",
        DockerfileErrorKind::FlagWithoutValue { given } => {
            return Some(format!("write --{given}=VALUE, without blanks"));
        }
        DockerfileErrorKind::FlagBoolean { .. } => "write true or false, or the flag alone",
        DockerfileErrorKind::Unsupported { instead, .. } => instead,
        DockerfileErrorKind::FlagValue { allowed, .. } => return Some(format!("must be one of {allowed}")),
        DockerfileErrorKind::UnterminatedHeredoc { name } => {
            return Some(format!("end it with a line that contains only {name}, without blanks"));
        }
        DockerfileErrorKind::HeredocBlank { .. } => "write <<EOF without a blank",
        DockerfileErrorKind::HeredocDestination { .. } => "write the destination's path last: COPY <<EOF /etc/motd",
        DockerfileErrorKind::HeredocName { .. } => "choose one without '/', such as EOF",
        DockerfileErrorKind::HealthNone => "HEALTHCHECK NONE only removes the base image's check",
        DockerfileErrorKind::HealthCommand => "write HEALTHCHECK CMD curl -f http://localhost/",
        DockerfileErrorKind::HealthType { .. } => "write HEALTHCHECK CMD and the command, or HEALTHCHECK NONE",
        DockerfileErrorKind::Duration { .. } => {
            "write at least 1ms with units, such as 30s or 1m30s, or 0s for the default"
        }
        DockerfileErrorKind::Retries { .. } => "write --retries=3",
        DockerfileErrorKind::MountType { given } => {
            return did_you_mean(
                nearest(given, ["bind", "cache", "tmpfs", "secret"]),
                "must be one of bind, cache, tmpfs, secret",
            );
        }
        DockerfileErrorKind::MountKey { key, .. } => {
            return did_you_mean(
                nearest(key, MOUNT_KEYS),
                "the keys are type, source, target, from, id, sharing, mode …",
            );
        }
        DockerfileErrorKind::MountKeyOfType { .. } => "remove the key, or choose another type; bind is the default",
        DockerfileErrorKind::MountField { .. } => "write --mount=type=cache,target=/root/.cache",
        DockerfileErrorKind::MountValue { key, .. } => match key.as_str() {
            "sharing" => "must be one of shared, private, locked",
            "size" => "write a size such as 64m",
            "mode" => "write permissions in octal, such as 0700",
            "uid" | "gid" => "write a number",
            _ => "write true or false",
        },
        DockerfileErrorKind::MountFrom { .. } | DockerfileErrorKind::FromVariable => {
            "write FROM image:$TAG AS name above, and --from=name"
        }
        DockerfileErrorKind::MountTarget { .. } => "write target= and a directory other than /",
        DockerfileErrorKind::MountSecretTwice => "remove source=, which is the same as id=",
        DockerfileErrorKind::MountFields { .. } => "quote a whole field, as in --mount='type=bind,\"source=a,b\"'",
        DockerfileErrorKind::MountSecret => "write --mount=type=secret,id=NAME",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Words and their meaning.
fn of_words(kind: &DockerfileErrorKind) -> Option<String> {
    let hint = match kind {
        DockerfileErrorKind::Expand { source, .. } => return source.hint().map(str::to_owned),
        DockerfileErrorKind::BlankBase { .. } => "declare ARG NAME=value before FROM, or pass --build-arg NAME=value",
        DockerfileErrorKind::BaseName { .. } => {
            "write the name of an image (for example, busybox:1.36) or of a stage above"
        }
        DockerfileErrorKind::Platform { .. } => "write os/architecture, such as linux/amd64 or linux/arm64",
        DockerfileErrorKind::NoTarget { given, known } => return no_target(given, known),
        DockerfileErrorKind::StageIndex { .. } => {
            "stages are counted from 0, and only earlier ones can be copied from"
        }
        DockerfileErrorKind::StageOrder { .. } => "move that stage above this one",
        DockerfileErrorKind::Circular { .. } => "a stage cannot depend on itself; copy from an earlier one",
        DockerfileErrorKind::ManySources { .. } => "end the destination with /",
        DockerfileErrorKind::RemoteCopy { .. } | DockerfileErrorKind::RemoteAdd { .. } => {
            "download it into the context and COPY it, or download it in a RUN that has a network"
        }
        DockerfileErrorKind::Chmod { .. } => "write --chmod=755 or --chmod=u=rwX,go=rX",
        DockerfileErrorKind::User { .. } => "write name, name:group, or ids such as 1000:1000",
        DockerfileErrorKind::ChecksumSources => "write an ADD for each source",
        DockerfileErrorKind::ChecksumLocal => "remove --checksum: files of the context are not downloaded",
        DockerfileErrorKind::Port { part: "IP address", .. } => "write the port alone, such as EXPOSE 80",
        DockerfileErrorKind::Port { .. } | DockerfileErrorKind::NoPort { .. } => {
            "write a number from 0 to 65535, or a range such as 8000-8010"
        }
        DockerfileErrorKind::Protocol { .. } => "must be one of tcp, udp, sctp",
        DockerfileErrorKind::Signal { .. } => "write a name such as SIGTERM, or a number from 1 to 64",
        DockerfileErrorKind::BlankSource { .. } => "set the variable, or write . if all files are meant",
        DockerfileErrorKind::Pattern { .. } => "write \\ before a character to use it literally",
        DockerfileErrorKind::TooManyVariables { .. } | DockerfileErrorKind::TooMuch { .. } => {
            "declare fewer variables and ports"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn did_you_mean(nearest: Option<&str>, otherwise: &str) -> Option<String> {
    Some(nearest.map_or_else(|| otherwise.to_owned(), |nearest| format!("did you mean `{nearest}`?")))
}

fn unknown_instruction(given: &str) -> Option<String> {
    let nearest = nearest(given, Keyword::ALL.map(Keyword::name));
    did_you_mean(nearest, "if it continues the line above, end that line with \\")
}

fn unknown_flag(given: &str, known: &[&'static str]) -> Option<String> {
    let flags = known.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(", ");
    let otherwise = match known.is_empty() {
        true => "this instruction has no flags; write -- before arguments that look like a flag".to_owned(),
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

/// An example of each instruction.
fn example(keyword: Keyword) -> &'static str {
    match keyword {
        Keyword::Add => "ADD files.tar.gz /srv/",
        Keyword::Arg => "ARG VERSION=1.0",
        Keyword::Cmd => "CMD [\"node\", \"app.js\"], or CMD [] to clear the base image's",
        Keyword::Copy => "COPY . /app",
        Keyword::Entrypoint => "ENTRYPOINT [\"node\"], or ENTRYPOINT [] to clear the base image's",
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
