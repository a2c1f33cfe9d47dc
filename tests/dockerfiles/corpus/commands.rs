//! `RUN`, `CMD`, `ENTRYPOINT`, `SHELL`, `HEALTHCHECK`.

use crate::Case;

pub const RUN: &[Case] = &[
    ("RUN: shell form", "RUN /bin/bash -c 'source $HOME/.bashrc && \\\necho $HOME'"),
    ("RUN: exec form", "RUN [\"/bin/bash\", \"-c\", \"echo hello\"]"),
    ("RUN: invalid JSON is shell form", "RUN ['single', 'quotes']\nRUN [\"c:\\windows\\system32\\tasklist.exe\"]"),
    ("RUN: escaped JSON", "RUN [\"c:\\\\windows\\\\tasklist.exe\", \"\\u00e9\"]"),
    ("RUN: the environment and the user", "FROM base\nENV A=\"1 2\"\nRUN make\n"),
    ("RUN --network", "RUN --network=none a\nRUN --network=default b\nRUN --network=host c"),
    ("RUN --network: unknown", "RUN --network=bridge a"),
    ("RUN --security: the default", "RUN --security=sandbox a"),
    ("RUN --security: not carried out", "RUN --security=insecure a"),
    ("RUN --security: unknown", "RUN --security=none a"),
    ("RUN --device: not carried out", "RUN --device=vendor.com/class=x a"),
    ("extractBuilderFlags: -- ends the flags", "RUN -- --network=none"),
    ("extractBuilderFlags: quoted flags", "RUN --mount=type=cache,target=\"/a b\" --network=\"none\" c"),
    ("bflag: duplicate", "RUN --network=none --network=none a"),
    ("bflag: no value", "RUN --network a"),
    ("bflag: unknown", "RUN --memory=1g a"),
    ("parseJSON: strings only", "RUN [\"a\", 1]"),
    ("parseRun: without a command", "RUN --network=none"),
];

pub const MOUNT: &[Case] = &[
    ("RUN --mount=type=bind: the default", "RUN --mount=target=/src make"),
    ("type=bind: every key", "FROM a AS x\nFROM b\nRUN --mount=type=bind,from=x,source=/s,target=/t,rw make\n"),
    (
        "type=bind: other names of the keys",
        "RUN --mount=type=bind,src=s,dst=/t,readwrite=false --mount=destination=/u,ro make",
    ),
    ("type=bind: a relative target", "WORKDIR /w\nRUN --mount=target=t make"),
    ("type=bind: from an image", "RUN --mount=from=a:1,target=/t make"),
    ("type=cache", "RUN --mount=type=cache,target=/root/.cache make"),
    (
        "type=cache: every key",
        "FROM a AS x\nFROM b\nRUN --mount=type=cache,id=i,target=/t,ro,sharing=locked,from=x,source=s,mode=0700,uid=1,gid=2 make\n",
    ),
    (
        "type=cache: sharing",
        "RUN --mount=type=cache,target=/t,sharing=private --mount=type=cache,target=/u,sharing=shared make",
    ),
    ("type=tmpfs", "RUN --mount=type=tmpfs,target=/t,size=64m make"),
    (
        "type=secret: a file",
        "RUN --mount=type=secret,id=aws,target=/root/.aws/credentials,required,mode=0440,uid=1,gid=2 make",
    ),
    ("type=secret: a variable", "RUN --mount=type=secret,id=API_KEY,env=API_KEY make"),
    ("type=secret: the default target", "RUN --mount=type=secret,id=a make"),
    ("type=secret: the id from the target", "RUN --mount=type=secret,target=/etc/pip.conf make"),
    ("type=ssh: not carried out", "RUN --mount=type=ssh git clone x"),
    ("parseMount: variables", "ARG D=/data\nRUN --mount=type=cache,target=$D,id=${D#/} make"),
    ("parseMount: CSV", "RUN --mount='type=bind,\"source=a,b\",target=/t' make"),
    ("parseMount: CSV with a stray quote", "RUN --mount='target=/\"t' make"),
    ("parseMount: from with a variable", "RUN --mount=from=$X,target=/t make"),
    ("parseMount: unknown type", "RUN --mount=type=chache,target=/t make"),
    ("parseMount: unknown key", "RUN --mount=type=cache,traget=/t make"),
    ("parseMount: no value", "RUN --mount=type=cache,target make"),
    ("parseMount: required of a cache", "RUN --mount=type=cache,target=/t,required make"),
    ("parseMount: size of a cache", "RUN --mount=type=cache,target=/t,size=1m make"),
    ("parseMount: sharing", "RUN --mount=type=cache,target=/t,sharing=mine make"),
    ("validateMount: sharing of a bind", "RUN --mount=target=/t,sharing=locked make"),
    ("validateMount: mode of a tmpfs", "RUN --mount=type=tmpfs,target=/t,mode=0700 make"),
    ("validateMount: a secret without a name", "RUN --mount=type=secret make"),
    ("validateMount: a secret with two", "RUN --mount=type=secret,id=a,source=b make"),
    ("validateMount: from of a secret", "RUN --mount=type=secret,id=a,from=b make"),
    ("dispatchRunMounts: the root", "RUN --mount=type=tmpfs,target=/ make"),
];

pub const CMD: &[Case] = &[
    ("CMD: exec form", "CMD [\"executable\",\"param1\",\"param2\"]"),
    ("CMD: default parameters of ENTRYPOINT", "ENTRYPOINT [\"top\", \"-b\"]\nCMD [\"-c\"]"),
    ("CMD: shell form", "CMD echo \"This is a test.\" | wc -"),
    ("CMD: only the last one counts", "CMD [\"a\"]\nCMD [\"b\"]"),
    ("CMD: empty", "FROM base\nCMD []\n"),
    ("ENTRYPOINT: shell form", "ENTRYPOINT exec top -b"),
    ("ENTRYPOINT: resets the base's CMD", "FROM base\nENTRYPOINT [\"new\"]\n"),
    ("ENTRYPOINT: keeps the file's own CMD", "FROM base\nCMD [\"own\"]\nENTRYPOINT [\"new\"]\n"),
    ("ENTRYPOINT: empty", "FROM base\nENTRYPOINT []\n"),
    ("CMD: strings only", "CMD [\"a\", {}]"),
    ("CMD: no flags", "CMD --port=80"),
    ("CMD: single quotes are not JSON", "CMD ['a', 'b']"),
];

pub const SHELL: &[Case] = &[
    (
        "SHELL: for all shell forms behind it",
        "RUN a\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN b\nCMD c\nENTRYPOINT d",
    ),
    ("SHELL: not for exec forms", "SHELL [\"/bin/bash\", \"-c\"]\nRUN [\"a\"]\nCMD [\"b\"]"),
    ("SHELL: the last one counts", "SHELL [\"x\"]\nSHELL [\"y\", \"-c\"]\nRUN a"),
    ("SHELL: must be JSON", "SHELL /bin/bash -c"),
    ("SHELL: empty", "SHELL []"),
];

pub const HEALTHCHECK: &[Case] = &[
    (
        "HEALTHCHECK: the example",
        "HEALTHCHECK --interval=5m --timeout=3s \\\n  CMD curl -f http://localhost/ || exit 1",
    ),
    (
        "HEALTHCHECK: every option",
        "HEALTHCHECK --interval=30s --timeout=1m30s --start-period=1h --start-interval=500ms --retries=5 CMD [\"true\"]",
    ),
    ("HEALTHCHECK: only the last one counts", "HEALTHCHECK CMD a\nHEALTHCHECK CMD b"),
    ("HEALTHCHECK NONE", "HEALTHCHECK NONE"),
    ("parseHealthcheck: NONE has no times", "HEALTHCHECK --interval=5m NONE"),
    ("parseHealthcheck: zero is the default", "HEALTHCHECK --interval=0 --timeout=0s --retries=0 CMD a"),
    ("parseHealthcheck: NONE with arguments", "HEALTHCHECK NONE a"),
    ("parseHealthcheck: unknown type", "HEALTHCHECK curl x"),
    ("parseHealthcheck: no command", "HEALTHCHECK CMD"),
    ("parseHealthcheck: empty command", "HEALTHCHECK CMD []"),
    ("parseOptInterval: no unit", "HEALTHCHECK --start-interval=5 CMD a"),
    ("parseOptInterval: less than a millisecond", "HEALTHCHECK --timeout=10us CMD a"),
    ("parseHealthcheck: retries", "HEALTHCHECK --retries=-1 CMD a"),
];
