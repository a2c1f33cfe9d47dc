//! `FROM`, `ARG` and `ONBUILD`.

use crate::Case;

pub const FROM: &[Case] = &[
    ("FROM: scratch", "FROM scratch\nCOPY a /\n"),
    ("FROM: tag and digest", "FROM a:1@sha256:9e2c9eca7367393aecc68795c671f93466818395a2693498debe831fd67f5e89\n"),
    ("FROM: the base's config is inherited, ONBUILD is run", "FROM base\n"),
    ("FROM: a stage by name, in any case", "FROM a AS Build\nENV X=1\nFROM build\nRUN make\n"),
    (
        "FROM: only what is needed is built",
        "FROM a AS one\nRUN 1\nFROM b AS two\nRUN 2\nFROM c\nCOPY --from=one /x /y\n",
    ),
    ("FROM: the later of two stages with one name", "FROM a AS x\nENV V=1\nFROM b AS x\nENV V=2\nFROM x\n"),
    ("FROM --platform", "FROM --platform=linux/arm64 a\nFROM --platform=$BUILDPLATFORM b AS x\n"),
    ("FROM --platform: the default", "FROM --platform=$TARGETPLATFORM a\n"),
    ("FROM: without arguments", "FROM \n"),
    ("parseBuildStageName: two arguments", "FROM a b\n"),
    ("parseBuildStageName: a number", "FROM a AS 1st\n"),
    ("parseFrom: unknown flag", "FROM --platfrom=linux/amd64 a\n"),
    ("FROM: not a name of an image", "FROM Upper\n"),
    ("FROM: variable of a stage", "ARG V=1\nFROM a:$V\nFROM b:$W\n"),
    ("FROM: blank base name", "ARG V\nFROM $V\n"),
    ("FROM --platform: invalid", "FROM --platform=linux/ a\n"),
    ("ReservedStageName", "FROM a AS scratch\n"),
];

pub const ARG: &[Case] = &[
    (
        "ARG and FROM: outside of a stage",
        "ARG VERSION=latest\nFROM busybox:$VERSION\nARG VERSION\nRUN echo $VERSION\n",
    ),
    ("ARG and FROM: without ARG in the stage", "ARG VERSION=latest\nFROM busybox:$VERSION\nLABEL v=$VERSION\n"),
    ("ARG: several, with defaults", "ARG user1 buildno=1 \"quoted\"=\"two words\""),
    ("ARG: given on the command line", "ARG GIVEN=default\nLABEL g=$GIVEN"),
    ("Scope: from its line on", "USER ${username:-some_user}\nARG username=what_user\nUSER $username"),
    ("Scope: ends with the stage", "FROM a\nARG SETTINGS=1\nFROM b\nLABEL s=$SETTINGS\n"),
    ("Scope: inherited by a stage based on it", "FROM a AS base-1\nARG SETTINGS=1\nFROM base-1\nLABEL s=$SETTINGS\n"),
    ("Using ARG variables: ENV overrides", "ARG CONT_IMG_VER\nENV CONT_IMG_VER=v1.0.0\nRUN echo $CONT_IMG_VER"),
    (
        "Using ARG variables: ENV with a default",
        "ARG CONT_IMG_VER\nENV CONT_IMG_VER=${CONT_IMG_VER:-v1.0.0}\nRUN echo",
    ),
    ("dispatchArg: a default with another argument", "ARG A=1\nARG B=$A-2\nLABEL b=$B"),
    ("Predefined ARGs: proxies are for RUN, not in the history", "RUN wget x\nLABEL p=$HTTP_PROXY"),
    (
        "Automatic platform ARGs: declared in the stage",
        "ARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDARCH\nLABEL p=$TARGETPLATFORM-$TARGETOS-$TARGETARCH-$TARGETVARIANT-$BUILDARCH",
    ),
    ("Automatic platform ARGs: not declared", "LABEL p=$TARGETPLATFORM"),
    ("parseArg: blank name", "ARG =x"),
    ("parseArg: without arguments", "ARG"),
    ("SecretsUsedInArgOrEnv", "ARG AWS_SECRET_KEY"),
];

pub const ONBUILD: &[Case] = &[
    ("ONBUILD: kept in the image", "ONBUILD ADD . /app/src\nONBUILD RUN /usr/local/bin/python-build --dir /app/src"),
    ("ONBUILD: in the next stage of the same file", "FROM a AS x\nONBUILD RUN make\nFROM x\nRUN after\n"),
    ("ONBUILD: not in grandchildren", "FROM a AS x\nONBUILD RUN make\nFROM x AS y\nFROM y\nRUN last\n"),
    ("ONBUILD: COPY --from of a stage", "FROM a AS one\nFROM b AS x\nONBUILD COPY --from=one /a /b\nFROM x\n"),
    ("parseOnBuild: the here-document belongs to it", "ONBUILD RUN <<EOF\nmake\nEOF\nRUN other"),
    ("parseOnBuild: chained", "ONBUILD ONBUILD RUN x"),
    ("parseOnBuild: FROM", "FROM a\nONBUILD FROM b\n"),
    ("parseOnBuild: MAINTAINER", "ONBUILD MAINTAINER ada"),
    ("parseOnBuild: an error within", "ONBUILD COPY a"),
    ("parseOnBuild: without arguments", "ONBUILD"),
];
