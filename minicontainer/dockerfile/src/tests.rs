//! Tests of every error message, as a terminal shows it.

use std::collections::BTreeMap;

use crate::{
    BuildOptions, BuildPlan, DockerfileError, parse,
    plan::{BaseImage, Bases, Outcome, plan},
};

/// Parses and plans a file. All base images are empty.
fn build(source: &[u8], options: &BuildOptions) -> Result<BuildPlan, DockerfileError> {
    let file = parse(source)?;
    let mut bases = Bases::new();
    loop {
        match plan(&file, options, &bases)? {
            Outcome::Plan(plan) => return Ok(plan),
            Outcome::Needs(images) => bases.extend(images.into_iter().map(|image| {
                let digest = minicontainer_core::Digest::of(image.reference.as_bytes());
                (image, BaseImage { digest, config: Default::default() })
            })),
        }
    }
}

fn fault(source: &[u8], options: &BuildOptions) -> Option<DockerfileError> {
    build(source, options).err()
}

fn shown(sources: &[&str]) -> String {
    let options =
        BuildOptions { build_args: BTreeMap::from([("EMPTY".into(), String::new())]), ..BuildOptions::default() };
    let one = |source: &&str| match fault(source.as_bytes(), &options) {
        Some(error) => error.render("Dockerfile", source),
        None => panic!("nothing is wrong with {source:?}"),
    };
    sources.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Instructions that follow a FROM.
fn behind_from(instructions: &[&str]) -> String {
    let sources: Vec<String> =
        instructions.iter().map(|instruction| format!("FROM busybox\n{instruction}\n")).collect();
    shown(&sources.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn errors_in_files() {
    let many = "FROM a\n".repeat(1001);
    let long = format!("FROM a\nRUN --mount={} x", "y".repeat(300));
    let far = format!("FROM a\nENV {}=1 oops", "a".repeat(300));
    insta::assert_snapshot!(shown(&[
        "",
        "# nothing\n\n",
        "ARG A\n",
        "RUN x\nFROM a\n",
        "# escape=x\nFROM a\n",
        "# check=all\nFROM a\n",
        "# escape=`\n#escape=`\nFROM a\n",
        "  # syntax = docker.io/evil/frontend:1\nFROM a\n",
        "FROM a\nRUN a\0b\n",
        "\u{feff}FORM a\n",
        &many,
        &long,
        &far,
    ]));
    let binary = fault(b"FROM a\nRUN \xff\xfe\n", &BuildOptions::default()).unwrap();
    insta::assert_snapshot!(binary.to_string(), @"line 2, column 5: the file is not text: this byte is not valid UTF-8; save the file as UTF-8");
    let large = fault(&vec![b'\n'; crate::LARGEST + 1], &BuildOptions::default()).unwrap();
    insta::assert_snapshot!(large.to_string(), @"line 1, column 1: the file has 1048577 bytes, more than the limit of 1048576; put large content into a file of the context, and COPY it");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of instructions")]
fn errors_in_instructions() {
    insta::assert_snapshot!(behind_from(&[
        "ENTRYPIONT [\"sh\"]",
        "RUN a\n&& b",
        "\u{1b}[31mRUN x",
        "FROM",
        "FROM a b",
        "FROM a AS 1st",
        "FROM a AS",
        "RUN",
        "RUN []",
        "COPY",
        "COPY a",
        "COPY [\"a\"]",
        "COPY --form=build /a /b",
        "COPY --chown /a /b",
        "COPY --link=maybe a b",
        "COPY --from=a --from=b /a /b",
        "COPY << EOF /c",
        "ADD --checksum=sha256:0 a b",
        "ADD --checksum=sha256:0 a b /c/",
        "ADD https://example.com/x /x",
        "ADD https://example.com/x.git#main /x",
        "COPY http://example.com/x /x",
        "ENV A",
        "ENV A=1 B",
        "ENV =1",
        "LABEL a=1 =2",
        "ARG =x",
        "ARG",
        "WORKDIR",
        "USER",
        "EXPOSE",
        "CMD",
        "CMD [\"a\", 1]",
        "CMD --help",
        "SHELL /bin/bash -c",
        "SHELL []",
        "VOLUME []",
        "VOLUME [\"/a\", \" \"]",
        "ONBUILD",
        "ONBUILD ONBUILD RUN x",
        "ONBUILD FROM a",
        "ONBUILD MAINTAINER a",
        "ONBUILD COPY \\\n  a",
        "HEALTHCHECK",
        "HEALTHCHECK NONE x",
        "HEALTHCHECK CMD",
        "HEALTHCHECK RUN x",
        "HEALTHCHECK --interval=30 CMD x",
        "HEALTHCHECK --timeout=1us CMD x",
        "HEALTHCHECK --retries=-1 CMD x",
        "RUN <<EOF\nno end",
        "COPY a <<EOF\nEOF",
        "COPY <<../etc/passwd /x\n../etc/passwd",
        "RUN --security=insecure x",
        "RUN --security=none x",
        "RUN --device=gpu x",
        "RUN --network=bridge x",
        "RUN --mount=type=chache,target=/x y",
        "RUN --mount=type=ssh y",
        "RUN --mount=type=cache,traget=/x y",
        "RUN --mount=type=cache,target=/ y",
        "RUN --mount=type=tmpfs,target=/x,sharing=locked y",
        "RUN --mount=type=cache,target=/x,sharing=mine y",
        "RUN --mount=type=secret y",
        "RUN --mount=type=secret,id=a,source=b y",
        "RUN --mount='target=\"/x' y",
        "RUN --mount=target=/x,from=$A y",
        "RUN --mount=type=cache,target y",
    ]));
}

#[test]
fn errors_in_plans() {
    insta::assert_snapshot!(behind_from(&[
        "ENV A=\"x",
        "ENV A=${",
        "ENV A=${}",
        "ENV A=${B^^}",
        "ENV A=\"${B:?set it}\" C=1",
        "WORKDIR ${PWD#\\x}",
        "COPY a b /c",
        "COPY $EMPTY /c",
        "COPY a[ /c",
        "COPY --exclude=[ a /c",
        "COPY --chmod=rwx a /c",
        "COPY --chmod=17777 a /c",
        "COPY --chown=: a /c",
        "COPY --from=$X /a /b",
        "COPY --from=0 /a /b",
        "COPY --from=1 /a /b",
        "COPY --from=UP:/ /a /b",
        "FROM a AS me\nCOPY --from=me /a /b",
        "FROM a AS me\nCOPY --from=late /a /b\nFROM b AS late\nFROM me",
        "EXPOSE http",
        "EXPOSE 80/icmp",
        "EXPOSE /tcp",
        "EXPOSE x:80",
        "EXPOSE host:1:80",
        "USER :",
        "STOPSIGNAL SIGNOTHING",
        "VOLUME $NOTHING",
        "RUN --mount=type=tmpfs,target=/$NOTHING y",
        "ARG EMPTY\nFROM $EMPTY",
        "FROM Upper",
        "FROM --platform=linux/ a",
        "FROM --platform=$PLATFORM a",
        "ADD $X://x /y\nARG X=http\nADD $X://x /y",
    ]));
    let options = |target: &str| BuildOptions { target: Some(target.into()), ..BuildOptions::default() };
    let error = |source: &str, target| fault(source.as_bytes(), &options(target)).unwrap().to_string();
    insta::assert_snapshot!(error("FROM a AS build\nFROM b AS test\n", "biuld"), @"line 1, column 1: target stage \"biuld\" could not be found; did you mean `build`?");
    insta::assert_snapshot!(error("FROM a\n", "x"), @"line 1, column 1: target stage \"x\" could not be found; no stage has a name; write FROM IMAGE AS NAME");
}

/// Typical files have no errors and no warnings, and make the expected number of layers.
#[test]
fn everyday_dockerfiles_have_no_warnings() {
    let files: [(&str, usize); 6] = [
        (
            "# syntax=docker/dockerfile:1\nFROM golang:1.22-alpine AS build\nWORKDIR /src\nCOPY go.mod go.sum ./\nRUN --mount=type=cache,target=/go/pkg/mod \\\n    go mod download\nCOPY . .\nARG TARGETOS TARGETARCH VERSION=dev\nRUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \\\n    go build -ldflags \"-X main.version=${VERSION}\" -o /out/app ./cmd/app\n\nFROM scratch\nCOPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/\nCOPY --from=build --chmod=0755 /out/app /app\nUSER 65534:65534\nENTRYPOINT [\"/app\"]\n",
            2,
        ),
        (
            "ARG DEBIAN=bookworm\nFROM debian:${DEBIAN}-slim AS toolchain\nRUN apt-get update \\\n # compilers\n && apt-get install -y --no-install-recommends gcc make \\\n && rm -rf /var/lib/apt/lists/*\nFROM toolchain AS build\nCOPY Makefile *.c *.h /src/\nRUN make -C /src all\nFROM build AS test\nRUN make -C /src check\nFROM debian:${DEBIAN}-slim\nCOPY --from=build /src/program /usr/local/bin/\nCMD [\"program\"]\n",
            1,
        ),
        (
            "FROM python:3.12-slim\nENV PYTHONUNBUFFERED=1 \\\n    PIP_NO_CACHE_DIR=1\nWORKDIR /app\nCOPY requirements.txt .\nRUN --mount=type=secret,id=pip,target=/etc/pip.conf pip install -r requirements.txt\nCOPY --chown=1000:1000 . .\nRUN <<EOF\nset -e\npython -m compileall .\nadduser --system web\nEOF\nUSER web\nEXPOSE 8000/tcp\nHEALTHCHECK --interval=30s --timeout=3s --retries=3 CMD [\"python\", \"-m\", \"health\"]\nCMD [\"gunicorn\", \"--bind\", \"0.0.0.0:8000\", \"app:app\"]\n",
            5,
        ),
        (
            "FROM nginx:alpine\nCOPY <<-'CONF' /etc/nginx/conf.d/default.conf\n\tserver {\n\t\troot /srv/$host;\n\t}\n\tCONF\nCOPY --exclude=*.map dist/ /srv/\nVOLUME /var/cache/nginx\nSTOPSIGNAL SIGQUIT\nLABEL org.opencontainers.image.title=\"Site\" \\\n      org.opencontainers.image.version=\"1.0\"\n",
            2,
        ),
        (
            "FROM alpine\nARG USERNAME=ada\nARG UID=1000\nRUN addgroup -g \"$UID\" \"$USERNAME\" && adduser -D -u \"$UID\" -G \"$USERNAME\" \"$USERNAME\"\nSHELL [\"/bin/ash\", \"-eo\", \"pipefail\", \"-c\"]\nRUN wget -qO- http://localhost/x | tar xz\nADD rootfs.tar.gz /\nENV PATH=\"/opt/bin:$PATH\"\nWORKDIR /home/$USERNAME\nUSER ${USERNAME}:${USERNAME}\n",
            4,
        ),
        (
            "FROM node:14 AS base\nONBUILD COPY package.json /app/\nONBUILD RUN npm install\nFROM base\nWORKDIR /app\nCOPY src/ ./src/\nENTRYPOINT [\"node\", \"src/index.js\"]\nCMD [\"--port\", \"80\"]\n",
            4,
        ),
    ];
    for (source, layers) in files {
        let plan = build(source.as_bytes(), &BuildOptions::default());
        let plan = plan.unwrap_or_else(|error| panic!("{}", error.render("Dockerfile", source)));
        assert_eq!(plan.warnings, [], "{source}");
        assert_eq!(plan.target().steps.iter().filter(|step| step.action.makes_layer()).count(), layers, "{source}");
    }
}
